#!/usr/bin/env bash
# A disk that is full at many moments of a run: an error that names the file, earlier checkpoints unharmed, and the same
# bytes once there is room again. The disk is a small tmpfs, mounted in a name space of our own if we are not root.
if [ "$(id -u)" -ne 0 ] && [ -z "${LAPIDARY_OWN_MOUNTS:-}" ]; then
    LAPIDARY_OWN_MOUNTS=1 unshare --user --map-root-user --mount true 2>/dev/null &&
        LAPIDARY_OWN_MOUNTS=1 exec unshare --user --map-root-user --mount bash "$0" "$@"
fi
source "$(dirname "$0")/../support/programs.sh" "$@"
mkdir small
mount -t tmpfs -o size=64m tmpfs small 2>/dev/null || skip "no right to mount a tmpfs"

corpus 300 >corpus.jsonl
prepare --tokenizer "$tokenizer" --input corpus.jsonl --chunks 80 --context 32 --validation 0.02 --out data >/dev/null
arguments=(--data data --steps 7 "${nano[@]}")
pretrain --run whole "${arguments[@]}" >/dev/null
pretrain --run small/run "${arguments[@]}" --stop-after 5 >/dev/null
tar -C small -cf begun.tar run
checkpoint_kb=$(du -sk whole/checkpoints/ckpt_000 | cut -f1)

failures=0
for room_kb in 0 4 8 16 100 $((checkpoint_kb / 4)) $((checkpoint_kb / 2)) $((checkpoint_kb - 40)) $((checkpoint_kb - 4)) $checkpoint_kb; do
    rm -rf small/run
    tar -C small -xf begun.tar
    before=$(sums small/run/checkpoints)
    left=$(df -k --output=avail small | tail -1)
    head -c $(((left - room_kb) * 1024)) /dev/zero >small/filler
    code=0
    pretrain --run small/run "${arguments[@]}" >out 2>err || code=$?
    if [ $code -eq 1 ]; then
        says small/run "No space left on device"
        failures=$((failures + 1))
        [ "$before" = "$(sums small/run/checkpoints)" ] || fail "the checkpoints changed with $room_kb KiB left"
        verified small/run
        [ -z "$(find small/run -name '*.tmp')" ] || fail "left behind: $(find small/run -name '*.tmp')"
        rm small/filler
        pretrain --run small/run "${arguments[@]}" >/dev/null
    else
        [ $code -eq 0 ] || fail "exit code $code with $room_kb KiB left: $(cat err)"
        rm small/filler
    fi
    same whole/checkpoints/step_00000007 small/run/checkpoints/step_00000007
    same whole/checkpoints/ckpt_000 small/run/checkpoints/ckpt_000
    [ "$(metrics whole | grep gradient_norm)" = "$(metrics small/run | grep gradient_norm)" ] || fail "another log"
done
[ $failures -ge 6 ] || fail "the disk was full only $failures times"
ok "a disk full at $failures moments of a run"

# Another program that writes.
rm -rf small/run
tokens 8 32 $(seq 256) >tokens.safetensors
echo "an older result" >small/logits.safetensors
left=$(df -k --output=avail small | tail -1)
head -c $(((left - 40) * 1024)) /dev/zero >small/filler
before=$(sums small)
expect 1 logits --model whole/checkpoints/ckpt_000 --tokens tokens.safetensors --out small/logits.safetensors
says small/logits.safetensors "No space left on device"
[ "$before" = "$(sums small)" ] || fail "something was left behind on the full disk: $(ls -aR small)"
ok "logits on a full disk"
