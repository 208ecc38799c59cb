# SPDX-License-Identifier: GPL-2.0
# What the tests of the driver load: a guest, and what it leaves.
#
# ROOT_PORTS=1 MACHINE=q35 has each guest behind a root port, as libvirt's are.
#
# There are three ways to a fresh guest. Take the first that can show what the test is
# about:
#
#   guest      qemu-run restores a booted guest in 0.2 s. The script's output comes
#              through the guest's init, so init must get a turn.
#   restored   The same guest, with the script on the console. Its output comes through
#              the kernel alone, in one stream with the kernel's lines, even while the
#              guest dies.
#   booted     scripts/vm boots a guest in two to five seconds. For tests of the boot, of
#              rootfs/init, of scripts/vm, and of machines that no template can have.
#
# qemu-run ends its guests by this very driver. The tests of the driver use it with
# --bare: it loads no driver, and the port and the end of the machine belong to the
# script. They do not use qemu-run's verdict, but QEMU's own exit status. Some tests of a
# deadline, of a panic and of a power-off boot by scripts/vm, which knows nothing of the
# driver: should qemu-run and the driver ever be wrong together, these tell.

# shellcheck source=tests/common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"

# guest [option of qemu-run...]: runs the script on standard input in a fresh
# guest, with the driver's file at hand and not loaded. Sets status to QEMU's, and
# output to what the script said, and after that what the console did: they come
# by ways of their own, and their order is not known. What the script said in the
# very moment in which the machine ended may be lost.
guest()
{
	local script=$BATS_TEST_TMPDIR/script json=$BATS_TEST_TMPDIR/json own

	cat >"$script"
	# Not by run, which warns of a status of 126 or 127: here they are codes.
	status=0
	output=$(cd "$BATS_TEST_TMPDIR" && qemu-run --bare --verbose --timeout 120 --json "$json" \
		${ROOT_PORTS:+--qemu -device --qemu pcie-root-port,id=root_port,chassis=9} \
		--file "$MODULE_DIR/qemu_poweroff.ko" --file "$script" "$@" \
		-- sh script 2>"$BATS_TEST_TMPDIR/console") || status=$?
	# The console's lines end with CR LF and are marked.
	sed -E 's/^\| //; s/\r//g' "$BATS_TEST_TMPDIR/console" >"$BATS_TEST_TMPDIR/console.text"
	output+=$'\n'$(<"$BATS_TEST_TMPDIR/console.text")
	cat "$BATS_TEST_TMPDIR/console.text" >>"$BATS_TEST_TMPDIR/consoles"
	mapfile -t lines <<<"$output"
	# The outcome is qemu-run's business; these tests are about the port.
	own=$(jq '.qemu_status // empty' "$json")
	[[ ! $own ]] || status=$own
}

# restored [option of scripts/vm...]: as booted, in a guest that is restored. Arguments of
# QEMU belong to the template: a path among them that differs from one test to the next
# would have each test boot one of its own. QEMU runs in the test's own directory.
restored()
{
	local scenario=$BATS_TEST_TMPDIR/scenario option OPTARG OPTIND=1 arguments=() append=()

	while getopts ':m:a:q:c:M:t:' option; do
		case $option in
		m) arguments+=(--file "$OPTARG") ;;
		a) append+=("$OPTARG") ;;
		q) arguments+=(--qemu "$OPTARG") ;;
		c) arguments+=(--cpus "$OPTARG") ;;
		M) arguments+=(--memory "${OPTARG%M}") ;;
		t) arguments+=(--timeout "$OPTARG") ;;
		*) fail "restored: no such option: -$OPTARG" ;;
		esac
	done
	cat >"$scenario"
	# To its end as rootfs/init does it, and with as much on the console.
	guest --file "$scenario" --append "${append[*]}" "${arguments[@]}" <<-'E'
		exec </dev/null >/dev/console 2>&1
		dmesg -n 5
		sh scenario
		echo "the scenario returned $?"
		poweroff -f
	E
}

# booted [option of scripts/vm...]: boots a fresh guest that runs the script on
# standard input, with the driver at hand. Sets status to QEMU's, and output to
# the console's lines.
booted()
{
	local script=$BATS_TEST_TMPDIR/script

	cat >"$script"
	boot "$script" "$@"
	# A kernel now and then dies while it boots under a loaded emulator, before
	# there is a driver to speak of. Once is bad luck, and is said; twice counts.
	if [[ $output != *'init: ready'* ]]; then
		printf '# booting again: status %s before init, and the last words were\n%s\n' "$status" \
			"$(tail -n 3 <<<"$output" | sed 's/^/#   /')" >&3
		boot "$script" "$@"
	fi
	printf '%s\n' "$output" >>"$BATS_TEST_TMPDIR/consoles"
	mapfile -t lines <<<"$output"
}

# boot SCRIPT [option of scripts/vm...]: once.
boot()
{
	# Complaints are warnings, and quiet would keep them from the console.
	run "$top/scripts/vm" -k "$KERNEL_DIR" -m "$MODULE_DIR/qemu_poweroff.ko" \
		-a loglevel=5 -q -machine -q "${MACHINE:-pc}" \
		${ROOT_PORTS:+-q -device -q pcie-root-port,id=root_port,chassis=9} "${@:2}" "$1"
	# The console ends its lines with CR LF.
	output=${output//$'\r'/}
}

# assert_code CODE: QEMU ended as the guest's driver told it to.
assert_code()
{
	assert_equal "$status" "$((($1 << 1) | 1))"
}

# assert_power_off: the guest ended by itself, without a code.
assert_power_off()
{
	assert_equal "$status" 0
}

# assert_outlived: the script came to its end, with status 0, in a guest that
# nothing had ended before.
assert_outlived()
{
	assert_equal "$(jq -r '.outcome, .exit_status' "$BATS_TEST_TMPDIR/json" | paste -sd ' ')" 'exit 0'
}

# How a kernel begins the report of a mistake of its own: KASAN and the like,
# lockdep, debug objects, the detectors of what hangs; and how kmemleak's file does.
readonly splat='(^|[] ])(BUG: |WARNING: |INFO: (task|rcu_|trying to register)|UBSAN: |Oops: |general protection fault|unreferenced object |kmemleak: [0-9]+ new)'

# A kernel that complains fails the scenario that made it; one that is meant to
# make it says of what, as a regular expression: splats='Oops: '. A file with a
# teardown of its own calls this.
assert_no_splat()
{
	local found

	found=$(cat "$BATS_TEST_TMPDIR"/{consoles,witness} 2>/dev/null | grep -aE "$splat" |
		grep -avE "${splats-^$}") || return 0
	printf 'the kernel complains:\n%s\n' "$found"
	return 1
}

teardown()
{
	assert_no_splat
}
