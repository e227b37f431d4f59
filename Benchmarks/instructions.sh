#!/bin/bash
# Counts the instructions and allocations of each operation of `settled bench micro`, by running it twice under valgrind
# with different numbers of operations and dividing the difference: what starts the program falls out. Times change with
# the machine and its day; these counts do so hardly at all, so they are what a change is judged by.
#
#   Benchmarks/instructions.sh PROGRAM                  prints the counts, in the form of instructions.txt
#   Benchmarks/instructions.sh PROGRAM instructions.txt prints them beside the recorded ones, with the ratio
#
# valgrind offers the program a processor without AVX-512, so OpenSSL's signatures take another path there than on many a
# server; compare the RSA rows with each other, not with a stopwatch.
set -euo pipefail

program=${1:?usage: instructions.sh PROGRAM [RECORDED]}
recorded=${2:-}
# The start of two runs differs by some hundred thousand instructions: the difference is made large beside that.
few=20
wanted=40000000
command -v valgrind >/dev/null || { echo "valgrind is missing (Debian: apt-get install valgrind)" >&2; exit 69; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Without debug information valgrind is ready in a second instead of ten.
strip --strip-debug -o "$folder/settled" "$program"
"$folder/settled" simulate keys "$folder/keys" >/dev/null 2>&1

# The report of a run of $2 operations of $1 under the tool $3.
report() {
    SWIFT_DETERMINISTIC_HASHING=1 valgrind --tool="$3" --"$3"-out-file=/dev/null "$folder/settled" bench micro --quiet --json \
        --keys "$folder/keys" --only "$1" --rounds 1 --operations "$2" 2>&1 >/dev/null </dev/null
}

instructions() { report "$1" "$2" callgrind | awk '/Collected :/ { print $4 }'; }
allocations() { report "$1" "$2" dhat | awk '/ Total:/ { gsub(",", ""); print $(NF - 1), $3 }'; }

count() {
    local name=$1 more=$2 first last few_blocks few_bytes blocks bytes
    first=$(instructions "$name" $few)
    last=$(instructions "$name" $((few + more)))
    read -r few_blocks few_bytes < <(allocations "$name" $few)
    read -r blocks bytes < <(allocations "$name" $((few + 320)))
    # Fewer than one allocation in ten operations is the noise of the start.
    awk -v name="$name" -v i=$((last - first)) -v n="$more" -v a=$((blocks - few_blocks)) -v b=$((bytes - few_bytes)) \
        'BEGIN { if (a < 32) { a = b = 0 }; printf "%s\t%.0f\t%.1f\t%.0f\n", name, i / n, a / 320, b / 320 }'
}

# Each name, and how many operations make about the wanted instructions, at ten a nanosecond.
operations=$("$folder/settled" bench micro --quiet --json --keys "$folder/keys" --rounds 1 \
    | sed 's/.*"name":"\([^"]*\)","nanoseconds":\([0-9.]*\).*/\1 \2/' \
    | awk -v wanted="$wanted" '{ n = int(wanted / ($2 * 10)); print $1, n < 50 ? 50 : n }')

if [ -z "$recorded" ]; then
    printf '# Instructions, allocations and allocated bytes an operation: %s; release build. Made by instructions.sh.\n' \
        "$("$folder/settled" version | head -1), $(uname -m), $(openssl version | cut -d' ' -f1,2)"
    printf '#operation\tinstructions\tallocations\tbytes\n'
    while read -r name more; do count "$name" "$more"; done <<<"$operations"
else
    printf '%-20s %14s %14s %7s %10s %10s\n' OPERATION INSTRUCTIONS RECORDED RATIO ALLOCATED RECORDED
    while read -r name more; do
        count "$name" "$more" | awk -F'\t' -v recorded="$recorded" '
            BEGIN {
                while ((getline line < recorded) > 0) {
                    split(line, field, "\t")
                    instructions[field[1]] = field[2]
                    allocations[field[1]] = field[3]
                }
            }
            {
                known = ($1 in instructions)
                printf "%-20s %14d %14s %7s %10.1f %10s\n", $1, $2, (known ? instructions[$1] : "-"),
                       (known ? sprintf("%.3f", $2 / instructions[$1]) : "-"), $3, (known ? allocations[$1] : "-")
            }'
    done <<<"$operations"
fi
