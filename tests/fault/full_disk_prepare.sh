#!/usr/bin/env bash
# A disk that is full at many moments of `prepare`: an error that names the file, no output, and the bytes of a run that
# was not disturbed once there is room again. The disk is a small tmpfs, as in full_disk.sh.
if [ "$(id -u)" -ne 0 ] && [ -z "${LAPIDARY_OWN_MOUNTS:-}" ]; then
    LAPIDARY_OWN_MOUNTS=1 unshare --user --map-root-user --mount true 2>/dev/null &&
        LAPIDARY_OWN_MOUNTS=1 exec unshare --user --map-root-user --mount bash "$0" "$@"
fi
source "$(dirname "$0")/../support/programs.sh" "$@"
mkdir small
mount -t tmpfs -o size=16m tmpfs small 2>/dev/null || skip "no right to mount a tmpfs"

corpus 1500 >corpus.jsonl
corpus 1000 | tac >other.jsonl
arguments=(--tokenizer "$tokenizer" --input corpus.jsonl --input other.jsonl --chunks 8 --context 32 --validation 0.02
    --commit-seconds 0)
prepare "${arguments[@]}" --out whole >/dev/null
data_kb=$(du -sk whole | cut -f1)
[ $data_kb -lt 6000 ] || fail "$data_kb KiB do not fit twice"

failures=0 gone_on=0
for part in 0 2 5 10 20 40 60 70 80 90 95 100 110 120 140 160 180 190 200 210 250; do
    room_kb=$((data_kb * part / 100))
    left=$(df -k --output=avail small | tail -1)
    head -c $(((left - room_kb) * 1024)) /dev/zero >small/filler
    code=0
    prepare "${arguments[@]}" --out small/data >out 2>err || code=$?
    if [ $code -eq 1 ]; then
        says small/ "No space left on device"
        failures=$((failures + 1))
        [ ! -e small/data ] || fail "there is an output after an error with $room_kb KiB left"
        [ ! -e small/.data.partial/data.json ] || fail "taken for complete with $room_kb KiB left"
        if [ -e small/.data.partial/.work/state.json ]; then gone_on=$((gone_on + 1)); fi
        # Still full: the same again, and nothing lost.
        expect 1 prepare "${arguments[@]}" --out small/data
        says small/ "No space left on device"
        rm small/filler
        prepare "${arguments[@]}" --out small/data >/dev/null
    else
        [ $code -eq 0 ] || fail "exit code $code with $room_kb KiB left: $(cat err)"
        rm small/filler
    fi
    same whole small/data
    [ ! -e small/.data.partial ] || fail "left behind: $(ls -AR small/.data.partial)"
    rm -r small/data
done
[ $failures -ge 8 ] || fail "the disk was full only $failures times"
[ $gone_on -ge 2 ] || fail "only $gone_on times was there something to go on with"
ok "a disk full at $failures moments of prepare, of which $gone_on were gone on from"
