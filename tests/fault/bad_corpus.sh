#!/usr/bin/env bash
# Damaged, hostile and missing files, given to prepare: exit code 1, one line that names the program, the file and the
# place, no output directory, nothing that was there changed; and the right bytes once the fault is mended.
source "$(dirname "$0")/../support/programs.sh" "$@"

cases=0
# make ARGUMENT...: prepare with what the arguments do not say.
make() {
    local more=()
    [[ " $* " == *" --tokenizer "* ]] || more+=(--tokenizer "$tokenizer")
    [[ " $* " == *" --chunks "* ]] || more+=(--chunks 2 --context 32 --validation 0.1)
    prepare "${more[@]}" "$@"
}
# refuses "TEXT|TEXT..." ARGUMENT...: the line on stderr holds every text; nothing but unfinished work is new.
refuses() {
    local texts before
    IFS='|' read -ra texts <<<"$1"
    shift
    before=$(sums place)
    expect 1 make --out new "$@"
    says "${texts[@]}"
    [ "$before" = "$(sums place)" ] || fail "changed what was there: $*"
    [ ! -e new ] || fail "there is an output after an error: $*"
    cases=$((cases + 1))
}
# mended ARGUMENT...: prepare now succeeds, going on or beginning anew, with the bytes of a first run.
mended() {
    expect 0 make --out new "$@"
    expect 0 make --out fresh "$@"
    same fresh new
    [ ! -e .new.partial ] || fail "left behind: $(ls -AR .new.partial)"
    rm -r fresh new
}

mkdir place
corpus 200 >place/good.jsonl
file=place/file.jsonl
first() { head -2 place/good.jsonl; }
rest() { tail -n +3 place/good.jsonl; }
# A bad line among good ones: refused by file and line, left out and counted by reason when asked so.
bad_line() {  # bad_line REASON TEXTS < LINE
    { first; cat; echo; rest; } >$file
    refuses "$file:3|$2" --input $file
    rm -rf .new.partial
    expect 0 make --out new --input $file --skip-bad
    grep -q "\"$1\": 1" new/data.json || fail "not counted as $1: $(cat new/data.json)"
    rm -r new
    { first; rest; } >$file
    mended --input $file
}
echo '{"text": "cut' | bad_line malformed "not JSON"
echo '[1, 2]' | bad_line malformed "not a JSON object"
echo '{"title": "x"}' | bad_line no_text "'text' is missing"
echo '{"text": 3}' | bad_line no_text "'text' is not a string"
printf '{"text": "a \xc3\x28 b"}' | bad_line bad_utf8 "byte 13 is not UTF-8"
printf '{"text": "a"}\0' | bad_line nul "NUL byte"
echo '{"text": "a \u0000 b"}' | bad_line nul "'text' holds a NUL byte"
echo '{"text": ""}' | bad_line empty "'text' is empty"
{ printf '{"text": "'; head -c 50000000 /dev/zero | tr '\0' x; printf '"}'; } | bad_line too_long "longer than 33554432 bytes"
ok "bad lines"

# Compressed files that are cut off or damaged, which --skip-bad does not pass over.
gzip -nc place/good.jsonl >good.gz
zstd -qc place/good.jsonl >good.zst
for ending in gz zst; do
    bytes=$(stat -c %s good.$ending)
    for cut in 0 3 $((bytes / 2)) $((bytes - 1)); do
        head -c $cut good.$ending >place/bad.jsonl.$ending
        refuses "place/bad.jsonl.$ending" --input place/bad.jsonl.$ending
        rm -rf .new.partial
        refuses "place/bad.jsonl.$ending" --input place/bad.jsonl.$ending --skip-bad
        rm -rf .new.partial
    done
    cp good.$ending place/bad.jsonl.$ending
    flip place/bad.jsonl.$ending $((bytes / 2))
    refuses "place/bad.jsonl.$ending" --input place/bad.jsonl.$ending
    cat good.$ending >place/bad.jsonl.$ending
    echo garbage >>place/bad.jsonl.$ending
    refuses "place/bad.jsonl.$ending" --input place/bad.jsonl.$ending
    cp good.$ending place/bad.jsonl.$ending
    mended --input place/bad.jsonl.$ending
done
printf '\x1f\x8b\x08\x00garbage' >place/other.jsonl  # gzip by its first bytes
refuses place/other.jsonl --input place/other.jsonl
rm -rf .new.partial
ok "damaged compressed files"

# Files that are missing, empty, unreadable or there twice.
refuses "place/none*.jsonl: no such file" --input 'place/none*.jsonl'
refuses "place/none.jsonl: no such file" --input place/good.jsonl --input place/none.jsonl
mkdir place/directory.jsonl
refuses "place/directory.jsonl: a directory" --input place/directory.jsonl
ln -s nowhere place/link.jsonl
refuses "place/link.jsonl: no such file" --input place/link.jsonl
: >place/empty.jsonl
refuses "no document of 'empty'" --input place/good.jsonl --input place/empty.jsonl
refuses "place/empty.txt: no such file" --input place/empty.txt
: >place/empty.txt
rm -rf .new.partial
refuses "place/empty.txt:1: the file is empty" --input place/empty.txt
rm -rf .new.partial
refuses "windows for 3000 chunks" --input place/good.jsonl --chunks 3000
rm -rf .new.partial
cp place/good.jsonl place/copy.jsonl
refuses "place/copy.jsonl: has the same contents as place/good.jsonl" --input place/good.jsonl --input place/copy.jsonl
refuses "place/good.jsonl: is named twice" --input place/good.jsonl --input 'place/g*.jsonl'
expect 0 make --out new --skip-bad --input place/good.jsonl --input place/copy.jsonl
grep -qF "left out: place/copy.jsonl was there already" err || fail "does not say what was left out: $(cat err)"
rm -r new
mended --input place/good.jsonl
ok "missing, empty and repeated files"

# Recipes.
recipe() { printf '{"name": "r", "context": 32, "chunks": 2, "sources": [%s]}\n' "$1" >place/recipe.json; }
with=(--recipe place/recipe.json)
source_a='{"name": "a", "files": ["good.jsonl"]'
recipe "$source_a, \"weight\": 0}"
refuses "place/recipe.json: sources[0]|'weight' must be positive" "${with[@]}"
recipe "$source_a, \"weight\": 1}, {\"name\": \"b\", \"files\": [\"file.jsonl\"]}"
refuses "place/recipe.json: sources[|either all sources have a 'weight' or none has" "${with[@]}"
recipe "$source_a, \"wieght\": 1}"
refuses "place/recipe.json: sources[0]|'wieght'" "${with[@]}"
recipe "$source_a, \"files\": 1"
refuses "place/recipe.json: line 1 column" "${with[@]}"
refuses "place/none.json" --recipe place/none.json
refuses "'none' is none of" --recipe none --input place/good.jsonl
recipe "$source_a}"
mended "${with[@]}"
ok "recipes"

# Tokenizers, and outputs.
head -c 3000 /dev/urandom >place/garbage.model
head -c 5000 "$tokenizer" >place/cut.model
: >place/empty.model
for model in garbage cut empty none; do
    refuses "place/$model.model" --input place/good.jsonl --tokenizer place/$model.model
done
make --input place/good.jsonl --out place/data >/dev/null
echo text >place/file
before=$(sums place)
expect 1 make --input place/good.jsonl --out place/data
says "place/data: exists already"
expect 1 make --input place/good.jsonl --out place/file/data
says place/file
[ "$before" = "$(sums place)" ] || fail "changed what was there"
ok "tokenizers and outputs"

# Going on where another process stopped, with other inputs or another recipe.
corpus 3000 >place/long.jsonl
go=(--input place/good.jsonl --input place/long.jsonl --commit-seconds 0)
echo bad >>place/long.jsonl
refuses "place/long.jsonl:3001" "${go[@]}"
[ -e .new.partial/.work/state.json ] || fail "nothing was committed"
refuses "another recipe, tokenizer or list of files|remove ./.new.partial/.work" "${go[@]}" --seed 5
refuses "another recipe, tokenizer or list of files" "${go[@]}" --skip-bad
cp place/good.jsonl good
echo '{"text": "one more"}' >>place/good.jsonl
refuses "place/good.jsonl: has changed since|remove ./.new.partial/.work to begin anew" "${go[@]}"
cp good place/good.jsonl
sed -i '$d' place/long.jsonl
mended "${go[@]}"
ok "going on"
echo "$cases bad inputs refused, nothing changed"
