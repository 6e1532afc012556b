#!/bin/sh
# What `make demo` runs: a training run, measured, filed and reported into demo-out/.
set -eu
out=demo-out
rm -rf "$out" && mkdir -p "$out"
export JOULEWISE_LEDGER="$out/ledger.db" JOULEWISE_SPOOL="$out/spool" JOULEWISE_ZONE=DE JOULEWISE_TICK_S=1

echo "Training six kinds of model on scikit-learn's digits, measured (about half a minute)"
joulewise run --name digits-demo -- python examples/digits.py

echo
joulewise show digits
joulewise show digits >"$out/report.txt"
for suffix in html md json; do
	joulewise --quiet report digits -o "$out/report.$suffix"
done

echo
joulewise explain digits:emissions >"$out/emissions.txt"
echo "Every figure can be asked how it came about. joulewise explain digits:emissions begins so:"
head -n 12 "$out/emissions.txt"

cat <<TXT

In $out/ lie report.html (open it to see the power drawn), report.md, report.json, report.txt, the whole explanation
of the emissions in emissions.txt, and the ledger. Go on with
  export PATH="\$PWD/.venv/bin:\$PATH" JOULEWISE_LEDGER=$out/ledger.db
  joulewise runs
  joulewise run --zone DE -- python YOUR_SCRIPT.py
  joulewise doctor
TXT
