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
few=100
many=400
command -v valgrind >/dev/null || { echo "valgrind is missing (Debian: apt-get install valgrind)" >&2; exit 69; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Without debug information valgrind is ready in a second instead of ten.
strip --strip-debug -o "$folder/settled" "$program"
"$folder/settled" simulate keys "$folder/keys" >/dev/null 2>&1

# The report of a run of $2 operations of $1 under the tool $3.
report() {
    SWIFT_DETERMINISTIC_HASHING=1 valgrind --tool="$3" --"$3"-out-file=/dev/null "$folder/settled" bench micro --quiet --json \
        --keys "$folder/keys" --only "$1" --rounds 1 --operations "$2" 2>&1 >/dev/null
}

instructions() { report "$1" "$2" callgrind | awk '/Collected :/ { print $4 }'; }
allocations() { report "$1" "$2" dhat | awk '/ Total:/ { gsub(",", ""); print $(NF - 1), $3 }'; }

count() {
    local name=$1 less more blocks bytes few_blocks few_bytes
    less=$(instructions "$name" $few)
    more=$(instructions "$name" $many)
    read -r few_blocks few_bytes < <(allocations "$name" $few)
    read -r blocks bytes < <(allocations "$name" $many)
    awk -v name="$name" -v n=$((many - few)) -v i=$((more - less)) -v a=$((blocks - few_blocks)) \
        -v b=$((bytes - few_bytes)) 'BEGIN { printf "%s\t%.0f\t%.1f\t%.0f\n", name, i / n, a / n, b / n }'
}

names=$("$folder/settled" bench micro --quiet --json --rounds 1 --operations 1 | sed 's/.*"name":"\([^"]*\)".*/\1/')

if [ -z "$recorded" ]; then
    printf '# Instructions, allocations and allocated bytes an operation: %s; release build. Made by instructions.sh.\n' \
        "$("$folder/settled" version | head -1), $(uname -m), $(openssl version | cut -d' ' -f1,2)"
    printf '#operation\tinstructions\tallocations\tbytes\n'
    for name in $names; do count "$name"; done
else
    printf '%-20s %14s %14s %7s %10s %10s\n' OPERATION INSTRUCTIONS RECORDED RATIO ALLOCATED RECORDED
    for name in $names; do
        count "$name" | awk -F'\t' -v recorded="$recorded" '
            BEGIN { while ((getline line < recorded) > 0) { split(line, field, "\t"); i[field[1]] = field[2]; a[field[1]] = field[3] } }
            { printf "%-20s %14d %14s %7s %10.1f %10s\n", $1, $2, $1 in i ? i[$1] : "-",
                     $1 in i && i[$1] > 0 ? sprintf("%.3f", $2 / i[$1]) : "-", $3, $1 in a ? a[$1] : "-" }'
    done
fi
