#!/bin/sh
# sdjp batch as a job of a cluster of Ray that runs already, whatever started it: ray job submit.
#   RAY_API_SERVER_ADDRESS=http://HEAD:8265 sh submit.sh s3://my-bucket/prompts.jsonl s3://my-bucket/pictures
# What comes after the two is handed on: --device cuda, --model F --ship-weights, … The same command again goes on
# where it was. A cluster with tokens wants RAY_AUTH_MODE=token and RAY_AUTH_TOKEN, too.
set -eu
prompts=$1 out=$2
shift 2
exec ray job submit -- sdjp batch "$prompts" --out "$out" --engine ray --address auto "$@"
