#!/bin/sh
# guest.sh ROUNDS WORKLOADS: in a virtual machine, where scripts/bench --vm has put the programs: the workloads in both ways to attach.
set -e
programs=/scratch/programs
mkdir -p "$programs"
for program in work leaf bench kernel; do cp "/scratch/$program" "$programs/"; done
for way in tracepoint trampoline; do
	mkdir "/scratch/$way"
	echo "with $way hooks"
	"$programs/bench" --quick --no-peers --rounds "$1" --only "$2" --hooks "$way" --dir "/scratch/$way" --programs "$programs" \
		--quis /quis/build/quis --record /quis/build/quis-record --json "/results/bench-$way.json"
done
