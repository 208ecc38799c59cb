# SPDX-License-Identifier: GPL-2.0
# Samples of how long machines take, and what is made of them. Who sources it has set work, a
# directory, kernel, release, rounds, slow_rounds and ACCEL.
# shellcheck disable=SC2154 # these

# awk's numbers have points.
export LC_ALL=C
readonly samples=$work/samples.csv
echo 'kernel,case,sample,value,unit' >"$samples"
declare -A taken=()

# keep CASE VALUE UNIT: one sample more of that case.
keep()
{
	taken[$1]=$((${taken[$1]-0} + 1))
	printf '%s,%s,%d,%s,%s\n' "$release" "$1" "${taken[$1]}" "$2" "$3" >>"$samples"
}

# elapsed BEGIN END: milliseconds between two values of EPOCHREALTIME.
elapsed()
{
	local us=$((${2/[.,]/} - ${1/[.,]/}))

	printf '%d.%03d\n' $((us / 1000)) $((us % 1000))
}

# sample CASE STATUS COMMAND...: times one run, which has to end with that status; with
# of_processors set, as CASE-cpu by the time that it had of processors, too.
sample()
{
	local name=$1 expected=$2 status=0 begin end spent TIMEFORMAT='%3U %3S'
	shift 2

	begin=$EPOCHREALTIME
	spent=$({ time "$@" >/dev/null 2>"$work/stderr" </dev/null; } 2>&1) || status=$?
	end=$EPOCHREALTIME
	if ((status != expected)); then
		cat -- "$work/stderr" >&2
		die "$name: ended with status $status, not $expected"
	fi
	keep "$name" "$(elapsed "$begin" "$end")" ms
	[[ ! ${of_processors-} ]] ||
		keep "$name-cpu" "$(awk '{ print 1000 * ($1 + $2) }' <<<"$spent")" ms
}

# median CASE [FIRST LAST]: of its samples, or of those in a row of them; nothing
# if there are none.
median()
{
	awk -F , -v name="$1" -v first="${2-1}" -v last="${3-1000000}" \
		'$2 == name && $3 >= first && $3 <= last { print $4 }' "$samples" | sort -n |
		awk '{ v[NR] = $1 }
			END { if (NR) print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# turn ROUND: whether a slow case, of which there are $slow_rounds, has its turn
# now: they are spread over all rounds.
turn()
{
	((rounds <= slow_rounds || $1 * slow_rounds / rounds != ($1 + 1) * slow_rounds / rounds))
}

# print_samples: a row a case.
print_samples()
{
	printf '%-26s %5s %10s %10s %10s %10s %10s  %s\n' case n min q1 median q3 max unit
	awk -F , 'NR > 1 && !($2 in seen) { seen[$2] = 1; print $2, $5 }' "$samples" |
		while read -r name unit; do
			awk -F , -v name="$name" '$2 == name { print $4 }' "$samples" | sort -n |
				awk -v name="$name" -v unit="$unit" '
					function at(p,   where, low) {
						where = 1 + (NR - 1) * p
						low = int(where)
						return v[low] + (where - low) * ((low < NR ? v[low + 1] : v[low]) - v[low])
					}
					{ v[NR] = $1 }
					END {
						printf "%-26s %5d %10.1f %10.1f %10.1f %10.1f %10.1f  %s\n",
							name, NR, v[1], at(.25), at(.5), at(.75), v[NR], unit
					}'
		done
}

# compare WHAT VALUE BY LOW HIGH TARGET: one line, if both were measured.
compare()
{
	[[ $2 && $3 ]] || return 0
	awk -v what="$1" -v value="$2" -v by="$3" -v low="$4" -v high="$5" -v target="$6" 'BEGIN {
		ratio = value / by
		verdict = target == "none" ? "" : (ratio < low || ratio > high) ? "MISSED" : "met"
		printf "%-44s %8.3f  %-12s %s\n", what, ratio, target, verdict
	}'
}

# floor: QEMU with a ROM whose last sixteen bytes are the reset vector: seven of them are
# mov dx, 0x10f4; mov al, 0; out dx, al; hlt.
floor()
{
	"$qemu" -no-user-config -nodefaults -display none -accel "$ACCEL" -m 512 \
		-bios "$work/rom" -device isa-debug-exit,iobase=0x10f4,iosize=0x04
}
head -c 65536 /dev/zero >"$work/rom"
printf '\xba\xf4\x10\xb0\x00\xee\xf4' | dd of="$work/rom" bs=1 seek=65520 conv=notrunc status=none

# virtme_ng COMMAND...: it wants a terminal, in the foreground, an image and no link to one,
# and, for a distribution's kernel, that kernel's modules installed.
virtme_ng()
{
	local command=(timeout --foreground 600 vng --run "$(realpath -- "$kernel/vmlinuz")"
		--exec "${*@Q}")

	[[ $ACCEL == kvm ]] || command+=(--disable-kvm)
	script -qec "${command[*]@Q}" /dev/null
}

# virtme_ng_works: false where it is not or does not run this kernel, which it says.
virtme_ng_works()
{
	if ! command -v vng >/dev/null; then
		say 'virtme-ng is not installed: left out'
	elif [[ ! -e $kernel/vmlinuz ]]; then
		say 'virtme-ng runs no kernel without a bzImage: left out'
	elif virtme_ng true >"$work/stderr" 2>&1 </dev/null; then
		return 0
	else
		say "virtme-ng does not run this kernel ($(tail -n 1 "$work/stderr")): left out"
	fi
	return 1
}
