#!/bin/sh
# What `make demo` runs: a training run measured, filed, reported and planned; models compared, the best one shrunk.
set -eu
out=demo-out
rm -rf "$out" && mkdir -p "$out"
export JOULEWISE_LEDGER="$out/ledger.db" JOULEWISE_SPOOL="$out/spool" JOULEWISE_ZONE=DE JOULEWISE_TICK_S=1
say() { printf '\n%s\n' "$*"; }

say "Training six kinds of model on scikit-learn's digits, measured (about half a minute)"
echo "\$ joulewise run --name digits-demo --zone DE --price 0.30 -- python examples/digits.py"
joulewise run --name digits-demo --price 0.30 -- python examples/digits.py
say "\$ joulewise show --brief"
joulewise show --brief
joulewise show >"$out/report.txt"
for suffix in html md json; do
	joulewise --quiet report -o "$out/report.$suffix"
done
joulewise explain last:emissions >"$out/emissions.txt"
say "\$ joulewise explain last:emissions    # how a figure was computed; this one begins so:"
head -n 5 "$out/emissions.txt"

say "\$ joulewise plan digits-demo --within 24h --region aws:eu-north-1    # where and when the next one emits least"
joulewise --quiet plan digits-demo --within 24h --region aws:eu-north-1
joulewise --quiet plan digits-demo --within 24h --region aws:eu-north-1 --explain >"$out/plan.txt"
echo "\$ joulewise grid calendar --by month --svg $out/calendar.svg    # when this grid is clean"
joulewise --quiet grid calendar --by month --svg "$out/calendar.svg"
joulewise --quiet grid calendar --html "$out/calendar.html" >/dev/null
say "\$ python examples/clean_hours.py    # a job that is paused through dirty hours; an hour takes four seconds"
python examples/clean_hours.py
say "\$ joulewise savings"
joulewise --quiet savings

say "Comparing three models on rows that they have not seen, then shrinking the best (about a minute)"
models="$out/models" && python examples/models.py "$models"
echo "\$ joulewise bench logistic.joblib forest.joblib boosted.joblib --trust --data eval.npz --batch 1"
joulewise --quiet bench "$models/logistic.joblib" "$models/forest.joblib" "$models/boosted.joblib" --trust --batch 1 \
	--data "$models/eval.npz" --rounds 3 --block-s 0.2 --warm-up-s 1 --cold-starts 1 --picture "$out/models.svg"
say "\$ joulewise shrink logistic.joblib --trust --data eval.npz --floor 'accuracy>=-0.5pt' --budget 20s"
joulewise --quiet shrink "$models/logistic.joblib" --trust --data "$models/eval.npz" --floor 'accuracy>=-0.5pt' \
	--budget 20s --out "$out/shrunk"

cat <<TXT

In $out/: report.html (open it: the power is drawn, and every figure says how it was computed), report.md, report.json,
report.txt, emissions.txt (the whole explanation), plan.txt (every alternative), calendar.html and calendar.svg (when
the grid is clean), models.svg (quality against energy), shrunk/ (the model as it costs least, with its proof) and
ledger.db (JOULEWISE_LEDGER=$out/ledger.db joulewise runs).
Go on with your own script:
  export PATH="\$PWD/.venv/bin:\$PATH"
  joulewise doctor                                   # what this machine can measure, and how to make it better
  joulewise run --zone DE -- python YOUR_SCRIPT.py   # then: joulewise show
  joulewise plan last --zone DE --within 24h         # where and when the next one emits least
  joulewise run --zone DE --when cleanest --within 24h -- python YOUR_SCRIPT.py   # waits for those hours
  joulewise shrink YOUR_MODEL.onnx --data YOUR_EVAL.csv --target y --floor 'accuracy>=-0.5pt'
TXT
