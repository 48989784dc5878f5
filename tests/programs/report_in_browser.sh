#!/usr/bin/env bash
# The report's page in headless Chromium, from file://: every section is drawn, in light and in dark, wide and narrow;
# zoom, axes and choices work; no error reaches the console, and texts of documents stay texts.
source "$(dirname "$0")/../support/programs.sh" "$@"

for name in chromium chromium-browser google-chrome; do
    browser=$(command -v $name) && break
done
[ -n "${browser-}" ] || skip "there is no Chromium (cmake/install_packages.sh --browser installs it)"
chart_library=
for file in /usr/share/javascript/chart.js/chart.min.js /usr/share/nodejs/chart.js/dist/chart.min.js; do
    [ -e "$file" ] && chart_library=$file && break
done
[ -n "$chart_library" ] || skip "there is no Chart.js (libjs-chart.js)"

# browse PAGE WIDTH SCHEME: the page's elements after its script ran, in `dom`; the browser's log in `log`. SCHEME: 0 dark,
# 1 light.
browse() {
    timeout 120 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --user-data-dir="$work/profile" \
        --blink-settings=preferredColorScheme="$3" --window-size="$2",900 --enable-logging=stderr --virtual-time-budget=20000 \
        --dump-dom "file://$work/$1" >dom 2>log
}
echo '<p id="here">here</p>' >plain.html
browse plain.html 800 1 && grep -q 'id="here"' dom || skip "Chromium does not run here: $(tail -n 1 log)"

# A run, and made-up results of all analyses: they are no measurements.
corpus 300 >corpus.jsonl
prepare --tokenizer "$tokenizer" --input corpus.jsonl --chunks 80 --context 32 --validation 0.02 --out data >/dev/null
pretrain --run run --data data --steps 8 "${nano[@]}" >out
mkdir -p run/analysis
hostile='</script><script>console.error(\"injected\")</script><img src=x onerror=console.error(1)><!-- \u2028'
sed -i 's/^  "details"/  "decisions": [{"step": 3, "reason": "made up", "action": "skip", "loss": 6.5, "gradient_norm": "inf"}],\n&/' run/manifest.json
cell() { printf '{"mean_score":%s,"extractable":0.1,"count":4,"seen":"%s"}' "$1" "$2"; }
grid="[[$(cell 0.1 all),$(cell 0.05 part),$(cell 0.02 none)],[$(cell 0.1 all),$(cell 0.3 all),$(cell 0.4 all)]]"
cat >run/analysis/memorization.json <<END
{"format":"lapidary memorization 1","prefix":2,"continuation":2,"sequences":4,"sources":["made up"],
 "checkpoints":[{"name":"ckpt_000","step":4,"latest_seen_chunk":0,"seen":{"mean_score":0.1,"extractable":0.1,"count":4},"unseen":{"mean_score":0.05,"extractable":0,"count":8}},{"name":"ckpt_001","step":8,"latest_seen_chunk":2}],
 "chunks":[0,1,2],"grid":$grid,"histogram":[[6,4,2],[3,4,5]],"by_position":[[0.5,0.25],[0.75,0.5]],"by_source":{"made up":$grid},
 "correlation":{"scores":[[1,-0.5],[-0.5,1]],"extractable":[[1,null],[null,1]]},
 "prediction":[{"checkpoint":"ckpt_000","precision":null,"recall":0.5},{"checkpoint":"ckpt_001","precision":1,"recall":1}],
 "memorized":[{"chunk":1,"row":2,"source":"$hostile","matches":[1,2],"seen":[5],"documents":[{"file":"$hostile","line":1}],
   "prefix_text":"$hostile","continuation_text":"$hostile"}],"skipped":[]}
END
cat >run/analysis/evaluation.json <<END
{"format":"lapidary evaluation 1","checkpoints":[
 {"step":4,"results":[{"task":"$hostile","questions":4,"shots":0,"acc":0.25,"acc_stderr":0.2,"acc_norm":0.5,"acc_norm_stderr":null}]},
 {"step":8,"results":[{"task":"$hostile","questions":4,"shots":0,"acc":0.5,"acc_stderr":0.2,"acc_norm":0.5,"acc_norm_stderr":null},
  {"task":"texts","documents":1,"bits_per_byte":1.5,"word_perplexity":9.5}]}],"skipped":[]}
END
echo '{"format":"lapidary verification 1","records":[{"kind":"replay","from":0,"to":4,"verdict":"PASS","finding":"made up"}]}' >run/analysis/verification.json
"$programs/report" --run run --data data --charts "$chart_library" --threads 1 --prompt "</script><b>" --prompt "two" --max-tokens 6 --out whole.html >out
"$programs/report" --run run --charts "$chart_library" --points 3 --out thinned.html >out
mkdir bare
cp run/manifest.json bare
"$programs/report" --run bare --charts "$chart_library" --out bare.html >out

# What a person does, and a look at what was drawn; the outcome becomes an attribute of the page.
cat >probe.html <<'END'
<script>
(() => {
  const problems = [], all = (what, from = document) => [...from.querySelectorAll(what)];
  addEventListener("error", (event) => problems.push("error: " + event.message));
  // Lines, cells and bars have hues; axes, grids and words are nearly grey.
  const copy = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const drawn = ({ width, height }, canvas) => {
    if (!width || !height) return false;
    Object.assign(copy.canvas, { width, height });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, width, height);
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] > 200 && Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]) > 45) return true;
    }
    return false;
  };
  const look = (when) => all("canvas").forEach((canvas) => drawn(canvas, canvas) || problems.push(when + ": nothing in " + canvas.ariaLabel));
  look("at first");
  if (document.documentElement.scrollWidth > innerWidth) problems.push("wider than the window: " + document.documentElement.scrollWidth);
  const mouse = (canvas, type, x) => {
    const box = canvas.getBoundingClientRect();
    canvas.dispatchEvent(new PointerEvent(type, { clientX: box.left + x * box.width, clientY: box.top + box.height / 2, bubbles: true, pointerId: 1 }));
  };
  const canvas = document.querySelector("#training canvas");
  if (canvas) {
    const whole = () => all("#training figure button").filter((button) => button.textContent === "Whole range" && !button.hidden).length;
    HTMLElement.prototype.setPointerCapture = () => {};
    const before = canvas.toDataURL();
    mouse(canvas, "pointermove", 0.5);
    mouse(canvas, "pointerdown", 0.4);
    mouse(canvas, "pointermove", 0.7);
    mouse(canvas, "pointerup", 0.7);
    if (whole() !== 4) problems.push("zoomed " + whole() + " charts instead of 4");
    if (canvas.toDataURL() === before) problems.push("zoom changed nothing");
    look("zoomed");
    mouse(canvas, "dblclick", 0.5);
    if (whole() !== 0) problems.push("still zoomed");
  }
  for (const round of [1, 2]) {
    all("figure button, .controls button").forEach((button) => button.hidden || button.click());
    look("after buttons, round " + round);
  }
  all("input[type=range]").forEach((slider) => { slider.value = slider.max; slider.dispatchEvent(new Event("input")); });
  all("select").forEach((select) => { select.selectedIndex = select.options.length - 1; select.dispatchEvent(new Event("change")); });
  all("details").forEach((one) => { one.open = true; });
  const paper = () => getComputedStyle(document.body).backgroundColor, papers = new Set();
  for (let i = 0; i < 3; ++i) {
    document.getElementById("theme").click();
    papers.add(paper());
    look("theme " + i);
  }
  if (papers.size !== 2) problems.push("colours of " + papers.size + " themes");
  if (all("section img, section script, section b").length) problems.push("a text became markup");
  const sections = all("main section[id]").map((one) => one.id + ":" + all("canvas", one).length).join(" ");
  document.documentElement.dataset.probe = sections + " | paper " + paper() + " | " + (problems.join("; ") || "well");
})();
</script>
END
for page in whole thinned bare; do cat $page.html probe.html >$page.probe.html; done

# probe PAGE WIDTH SCHEME TEXT...: the outcome holds every text, and the console nothing.
probe() {
    browse "$1.probe.html" "$2" "$3" || fail "Chromium failed: $(tail -n 3 log)"
    local result text
    result=$(grep -o 'data-probe="[^"]*"' dom | head -n 1)
    for text in "| well" "${@:4}"; do [[ "$result" == *"$text"* ]] || fail "$1, $2 wide: no '$text' in '$result' $(grep CONSOLE log || true)"; done
    ! grep CONSOLE log || fail "$1, $2 wide: the console is not empty"
}
probe whole 1280 1 "training:4 evaluation:2 memorization:9 data:1 samples:0 record:0" "rgb(251, 250, 247)"
for text in 'made up' 'PASS' '&lt;/script&gt;&lt;script&gt;console.error' 'Charts: Chart.js'; do
    grep -qF "$text" dom || fail "the page does not show '$text'"
done
probe whole 1280 0 "training:4" "rgb(22, 22, 26)"
probe whole 500 0 "training:4"
ok "all sections, light and dark, wide and narrow"
probe thinned 1280 1 "training:4 evaluation:2 memorization:9 data:0"
grep -qF "A point stands for 3 of them" dom || fail "nothing is said of thinning"
probe bare 1280 1 "training:0 evaluation:0 memorization:0 data:0 samples:0 record:0"
grep -qF "memorize --run RUN" dom || fail "nothing is said of what is missing"
ok "a thinned log, and a run that has not begun"
