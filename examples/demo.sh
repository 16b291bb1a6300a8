#!/bin/sh
# A full rehearsal audit over the bundled CT logs: demo.sh BINARY FOLDER
set -eu
bin=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
out=$2
root=$(cd "$(dirname "$0")/.." && pwd)
rm -rf "$out"
mkdir -p "$out/audits"
cp "$root/examples/alpha/selfaudit.toml" "$out/"
cp -R "$root/testdata/ctlogs/alpha" "$out/logs"
cd "$out"
"$bin" run --rehearsal --dice 58201734659120384756 --audit demo-2026-Q3 \
	--from 2026-08-01T00:00:00Z --until 2026-11-01T00:00:00Z --yes
printf '\n== verify ==\n'
"$bin" verify audits/demo-2026-Q3/sealed/REHEARSAL-NOT-EVIDENCE_demo-2026-Q3.zip
cat <<EOT

What happened: two Certificate Transparency logs were read and proven to their signed
roots, the certificates of four issuing CAs that fall into the period were frozen and
committed to, a 3 % sample was drawn, linted and reported, and the evidence was sealed
and checked again from scratch.

Open this file:  $2/audits/demo-2026-Q3/report/workbook.xlsx
The evidence:    $2/audits/demo-2026-Q3/sealed/
EOT
