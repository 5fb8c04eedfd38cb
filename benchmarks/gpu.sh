#!/usr/bin/env bash
# All benchmarks and the Imagenette training on a CUDA machine, in one command that takes less than nine minutes.
#
#   benchmarks/gpu.sh                      results in $OUT (default ./benchmark-results), at most eight files
#   DATA=FOLDER  the folder with imagenette2-144-squared.tgz (default ./.carry, which git ignores), and with wheels
#                (*.whl) of what the machine lacks and cannot fetch: simplejpeg, tomlkit
#   BUDGET=520   seconds in total; a step that does not fit is shortened or skipped, which steps.tsv reports
#   SMOKE=1      the same commands at a tiny size, to test them on any machine
#   STEPS="..."  only these steps, for a second call: tests vgg16-224 vgg16_bn-128 train_step frozen pack startup scaling
#   PYTHON=...   the interpreter that has torch (default: .venv/bin/python if it exists, else python3)
set -uo pipefail
cd "$(dirname "$0")/.."

DATA=${DATA:-.carry} OUT=${OUT:-benchmark-results} BUDGET=${BUDGET:-520} SMOKE=${SMOKE:-} STEPS=${STEPS:-}
default=python3; [ -x .venv/bin/python ] && default=.venv/bin/python
PYTHON=${PYTHON:-$default}
archive=$DATA/imagenette2-144-squared.tgz
[ -f "$archive" ] || { echo "$archive: no such file; copy it into $DATA or set DATA=FOLDER" >&2; exit 2; }
mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd) archive=$(cd "$DATA" && pwd)/imagenette2-144-squared.tgz
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if compgen -G "$DATA/*.whl" > /dev/null; then
  "$PYTHON" -m pip install --quiet --no-index --no-deps --target "$work/site" "$DATA"/*.whl || exit
  export PYTHONPATH=$work/site${PYTHONPATH:+:$PYTHONPATH}
fi
export XDG_CACHE_HOME=$work/cache TORCHINDUCTOR_CACHE_DIR=$work/inductor PYTHONUNBUFFERED=1
printf 'step\tcode\tseconds\n' > "$OUT/steps.tsv"

step() { # step NAME MOST_SECONDS COMMAND...: run within its limit and the budget, and record the outcome
  local name=$1 most=$2 left=$((BUDGET - SECONDS)) start=$SECONDS code
  shift 2
  [[ -z $STEPS || " $STEPS " == *" $name "* ]] || return 0
  if [ "$left" -lt 10 ]; then
    echo "== $name: skipped, no time left" | tee -a "$OUT/log.txt"
    printf '%s\tno time\t0\n' "$name" >> "$OUT/steps.tsv"
    return
  fi
  [ "$most" -lt "$left" ] && left=$most
  echo "== $name (at most $left s): $*" | tee -a "$OUT/log.txt"
  timeout -k 5 "$left" "$@" 2>&1 | tee -a "$OUT/log.txt"
  code=${PIPESTATUS[0]}
  printf '%s\t%s\t%s\n' "$name" "$code" $((SECONDS - start)) >> "$OUT/steps.tsv"
}

if [ -n "$SMOKE" ]; then
  few=(--train 40 --test 20 --rounds 1)
  peers=(--arch resnet18 --size 32 --batch-size 8 --epochs 2) frozen=(--arch vgg11 --size 32 --epochs 2)
  scaling=(--images 40 80 --classes 2 5 --runs 4 8) startup=(--rounds 1 --runs 20)
  exact=() tiny=(--arch vgg11_bn --width 0.05 --size 32 --epochs 1 --train-images 6 --batch-size 16) bn_seeds=2
else
  # 3,840 and 1,280 are whole batches of 128: a smaller last batch would make a peer compile again.
  few=(--train 3840 --test 1280 --rounds 5)
  peers=(--arch vgg16 --size 224 --batch-size 128 --epochs 6)
  frozen=(--arch vgg16 --size 224 --epochs 5 --train 2000 --test 500 --rounds 2)
  scaling=(--images 1000 2000 4000 --classes 2 10 100 --runs 10 100 --rounds 1) startup=(--rounds 5 --runs 1000)
  exact=(--precision bf16) tiny=() bn_seeds=5
fi

nvidia-smi > "$OUT/log.txt" 2>&1 || echo "no nvidia-smi: this machine has no CUDA" > "$OUT/log.txt"
tar xzf "$archive" -C "$work"
bench=("$PYTHON" -m bench run scratch-vgg --dataset "$work/imagenette2" --results "$work/results" --fresh)

# The most important steps come first: that it works at all, then VGG16 at 224 px for the time of an epoch and MFU, eager
# and compiled, then VGG16-BN for accuracy, then the peers. The first line takes the time of the first import.
"$PYTHON" -c 'import torch, torchvision; print(torch.__version__, torchvision.__version__, torch.cuda.is_available())' \
  2>&1 | tee -a "$OUT/log.txt"
step tests 90 "$PYTHON" -m pytest -q -W default -p no:cacheprovider tests/bench/test_cuda.py
step vgg16-224 150 "${bench[@]}" --size 224 --epochs 6 --batch-size 256 --set compile=on,off "${exact[@]}" "${tiny[@]}"
step vgg16_bn-128 220 "${bench[@]}" --arch vgg16_bn --size 128 --epochs 20 --batch-size 256 --seeds "$bn_seeds" \
  --set augment=crop --set optimizer=sgd --set lr=0.1 --set weight_decay=0.0005 --set compile=off "${exact[@]}" "${tiny[@]}"
step train_step 170 "$PYTHON" -m benchmarks.train_step --data "$archive" "${few[@]}" "${peers[@]}" --out "$OUT/train_step.json"
step frozen 60 "$PYTHON" -m benchmarks.frozen --data "$archive" "${few[@]}" "${frozen[@]}" --out "$OUT/frozen.json"
step pack 60 "$PYTHON" -m benchmarks.pack --data "$archive" "${few[@]}" --out "$OUT/pack.json"
step startup 40 "$PYTHON" -m benchmarks.startup "${startup[@]}" --out "$OUT/startup.json"
step scaling 40 "$PYTHON" -m benchmarks.scaling --data "$archive" "${few[@]}" "${scaling[@]}" --out "$OUT/scaling.json"

# The records of the runs and the report, without weights, checkpoints and pictures.
(cd "$work" && find results \( -name run.json -o -name report.html -o -name worker.log \) -print0 2> /dev/null |
  tar czf "$OUT/imagenette.tgz" --null -T -)
cat "$OUT/steps.tsv"
awk -F'\t' 'NR > 1 && $2 != 0 { failed = 1 } END { exit failed }' "$OUT/steps.tsv"
