#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# A command that takes the channel of the guest's init, stops init, and forges what it
# says: see tests/guest/hostile.c. It gets no 0 unless it acts as init in all, and no more
# time than the manual says. FORGERIES= says how many are drawn, SEED= repeats a draw.

load qemu-run

setup_file()
{
	gcc -std=gnu11 -O2 -Wall -Wextra -Werror -static "$BATS_TEST_DIRNAME/guest/hostile.c" \
		-o "$BATS_FILE_TMPDIR/hostile"
	# The template is there before several ask for it.
	qemu-run -- true
}

# hostile [option of qemu-run...] -- WORD...: prints the exit status and the outcome. A
# report that is no JSON, or one that contradicts the exit status, has none.
hostile()
{
	local status=0 json options=()

	json=$(mktemp -p "$BATS_TEST_TMPDIR")
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	timeout 60 qemu-run --json "$json" -f "$BATS_FILE_TMPDIR/hostile" "${options[@]}" -- \
		./hostile "${@:2}" </dev/null >"$json.out" 2>"$json.err" || status=$?
	echo "$status $(jq -r --argjson status "$status" \
		'select(.exit_status == $status).outcome' "$json")"
	rm -f "$json" "$json.out" "$json.err"
}

# expect STATUS OUTCOME [option of qemu-run...] -- WORD...: says what came instead.
expect()
{
	local got

	got=$(hostile "${@:3}")
	[[ $got == "$1 $2" ]] || echo "${*:3}: expected $1 $2, got $got"
}

# each JOBS: runs the commands on standard input, a line each, several at a time. Their
# words have no blanks.
each()
{
	export -f hostile expect may_be_0 draw_and_judge
	xargs -P "$1" -I% bash -c '%'
}

@test 'a hostile command gets 0 by acting as init in all, and the manual says so' {
	run each 2 <<-'E'
		expect 3 exit -- exit:3
		expect 0 exit -- freeze returned status:0 port:0
		expect 42 exit -- freeze returned status:42 port:42
		expect 137 signal -- freeze returned signal:9 status:137 port:9
		expect 127 not-found -- freeze refused:127 port:127
	E
	assert_success
	assert_output ''
}

@test 'a hostile command: what contradicts, comes twice or out of order is 122' {
	run each 2 <<-'E'
		expect 122 silent -- freeze status:0 port:0
		expect 122 silent -- freeze returned returned status:0 port:0
		expect 122 silent -- freeze returned status:0 status:0 port:0
		expect 122 silent -- freeze returned status:0 status:1 port:0
		expect 122 silent -- freeze status:0 returned port:0
		expect 122 silent -- returned status:0 exit:3
		expect 122 silent -- returned status:0 exit:128
		expect 122 silent -- returned exit:0
		expect 122 silent -- freeze returned status:0 exit:0
		expect 122 silent -- freeze returned status:0 port:1
		expect 122 silent -- freeze returned status:0 reset
		expect 122 silent -- freeze returned status:256 port:0
		expect 122 silent -- freeze returned signal:9 status:0 port:0
		expect 122 silent -- freeze method:0 returned status:0 off
		expect 122 silent -- freeze method:2 returned status:0 port:0
		expect 122 silent -- freeze hello returned status:0 port:0
		expect 122 silent -- freeze started returned status:0 port:0
		expect 122 silent -- freeze ack:0 returned status:0 port:0
		expect 122 silent -- freeze credit:1 returned status:0 port:0
		expect 122 silent -- freeze deadline port:124
		expect 122 silent --timeout 50 -- freeze deadline port:124
		expect 122 silent -- freeze returned output status:0 port:0
		expect 122 silent -- freeze returned errors status:0 port:0
		expect 122 silent -- freeze returned status:0 output port:0
		expect 122 silent -- freeze returned status:0 complaint port:0
		expect 122 silent -- freeze returned status:0 header:1000 port:0
		expect 122 silent -- freeze entry:0 returned status:0 port:0
		expect 122 silent -- freeze returned entry:0 status:0 port:0
		expect 122 silent -- freeze returned end status:0 port:0
		expect 122 silent -- freeze data returned status:0 port:0
		expect 122 silent -- freeze refused:0 port:0
		expect 122 silent -- freeze refused:125 port:125
		expect 122 silent -- freeze refused:127 port:0
		expect 122 silent -- freeze refused:127 returned status:0 port:0
		expect 122 silent -- freeze returned refused:127 port:127
		expect 122 silent -- freeze frame:1 returned status:0 port:0
		expect 122 silent -- freeze frame:14 returned status:0 port:0
		expect 122 silent -- freeze frame:99 returned status:0 port:0
		expect 122 silent -- freeze header:100000 returned status:0 port:0
		expect 122 silent -- port:0
		expect 122 silent -- off
		expect 120 splat -- freeze complaint returned status:0 port:0
		expect 120 splat -- freeze returned complaint status:0 port:0
	E
	assert_success
	assert_output ''
}

@test 'a hostile command: --get, and files that are not what was asked for' {
	cd "$BATS_TEST_TMPDIR"
	run each 2 <<-'E'
		expect 122 silent --get x:got -- freeze entry:0 data end returned status:0 port:0
		expect 122 silent --get x:got -- freeze returned entry:1 status:0 port:0
		expect 122 silent --get x:got -- freeze returned data status:0 port:0
		expect 125 cannot-run --get x:got -- freeze returned status:0 port:0
		expect 125 cannot-run --get x:got -- freeze returned entry:0 data status:0 port:0
	E
	assert_success
	assert_output ''
	refute [ -e got ]
}

# bats test_tags=slow
@test 'a hostile command cannot stretch its deadline, nor any other bound' {
	# Side by side: they wait for most of the time. On a busy host it takes a second or
	# two until the command begins to lie.
	run each 8 <<-'E'
		expect 124 deadline --timeout 5 -- freeze hang
		expect 123 hung --timeout 5 -- freeze disarm hang
		expect 123 hung --timeout 5 -- freeze disarm output hang
		expect 123 hung --timeout 5 -- header:1000 exit:0
		expect 122 silent --timeout 5 -- freeze disarm started hang
		expect 123 hung --timeout 5 -- freeze disarm wait:6000 deadline hang
		expect 123 hung --timeout 5 -- freeze disarm refused:127 hang
		expect 123 hung -- freeze returned status:0 hang
		expect 123 hung -- freeze refused:127 hang
	E
	assert_success
	assert_output ''
	# These keep a processor busy: output, and complaints, without end.
	run each 2 <<-'E'
		expect 123 hung --timeout 5 -- freeze disarm flood:66
		expect 123 hung --timeout 5 -- freeze disarm flood:70
	E
	assert_success
	assert_output ''
}

@test 'a guest whose init is stopped: processors that idle push nothing out of sight' {
	local fault

	fault=$(module_file fault)
	qemu_run --cpus 4 --timeout 2 -f "$BATS_FILE_TMPDIR/hostile" -f "$fault" -- sh -c '
		insmod fault.ko cpu=1
		echo preempt_off >/sys/module/fault/parameters/what
		exec ./hostile freeze disarm hang'
	assert_outcome 123 hung
	assert_stderr 'RIP: 0010:spin_preempt_off'
	refute grep -E 'RIP: 0010:[a-z0-9_]*(halt|idle)|idling|RAX:' "$BATS_TEST_TMPDIR/stderr"
}

# may_be_0 WORD...: whether they are all that an honest init says of a command that
# returns 0, in its order. Without a word that ends it, the command returns 3.
may_be_0()
{
	local word returned='' code='' honest=1 complained='' words=()

	for word in "$@" exit:3; do
		case $word in
		exit:*) words+=(init returned "status:${word#exit:}" "port:$((${word#exit:} & 127))") ;;
		*) words+=("$word") ;;
		esac
	done
	for word in "${words[@]}"; do
		case $word in
		freeze | wait:*) ;;
		signal:* | method:*) honest='' ;;
		init) honest=1 ;;
		output | errors | credit:0) [[ ! $returned ]] || return 1 ;;
		complaint)
			[[ ! $code ]] || return 1
			complained=1
			;;
		returned)
			[[ ! $returned ]] || return 1
			returned=1
			;;
		status:*)
			[[ $returned && ! $code && $honest ]] || return 1
			code=${word#status:}
			;;
		port:0 | off)
			[[ $code == 0 && ! $complained ]]
			return
			;;
		*) return 1 ;;
		esac
	done
	return 1
}

# draw_and_judge SEED: draws words, most of them a whole impersonation with a few
# mistakes, and prints them if they got what they must not get, or "0" for a 0 that they
# may have.
draw_and_judge()
{
	local words=(freeze returned status:0 port:0) i at got vocabulary=(
		freeze output errors complaint returned returned status:0 status:1 status:128
		refused:127 refused:0 hello started deadline credit:0 credit:1 ack:0 entry:0 data
		end signal:9 method:0 frame:1 frame:8 frame:99 header:100000 wait:20
		port:0 port:1 off reset exit:0 exit:3 exit:128)

	RANDOM=$1
	for ((i = RANDOM % 4 + 1; i; i--)); do
		at=$((RANDOM % (${#words[@]} + 1)))
		# One word more, another one, or one less.
		words=("${words[@]:0:at}" "${vocabulary[RANDOM % ${#vocabulary[@]}]}" "${words[@]:at+RANDOM % 3}")
	done
	got=$(hostile --timeout 10 -- "${words[@]}")
	case $got in
	'0 exit') may_be_0 "${words[@]}" && echo 0 && return ;;
	'120 splat' | '122 silent' | '123 hung' | '124 deadline' | '127 not-found') return ;;
	'3 exit' | '128 exit') return ;;
	'1 exit') [[ " ${words[*]} " == *' status:1 '* ]] && return ;;
	esac
	echo "seed $1: ${words[*]}: $got"
}

@test 'a hostile command: forgeries drawn from a seed' {
	local seed=${SEED:-$RANDOM} count=${FORGERIES:-60}

	run each 2 < <(seq -f 'draw_and_judge %.0f' "$seed" $((seed + count - 1)))
	assert_success
	echo "# seed $seed: $count forgeries, $(grep -cx 0 <<<"$output" || true) of them acted as init in all" >&3
	refute_line --regexp '^seed'
}
