# SPDX-License-Identifier: GPL-2.0
# What the files of the fault matrix load. Whatever goes wrong in the guest, the
# machine ends with the code that was asked for, on the way that was meant for it.

# shellcheck source=tests/helper.bash
source "${BASH_SOURCE[0]%/*}/helper.bash"

# What a kernel says of one. With KASAN it is the access to the address's shadow that
# faults; 6.1 says so without the word 'Oops'.
readonly null_dereference='BUG: kernel NULL pointer dereference|Oops: |general protection fault|KASAN: null-ptr-deref'

setup_file()
{
	local module

	for module in fault witness races; do
		module_file "$module" >"$BATS_FILE_TMPDIR/$module"
	done
	FAULT_KO=$(<"$BATS_FILE_TMPDIR/fault")
	WITNESS_KO=$(<"$BATS_FILE_TMPDIR/witness")
	RACES_KO=$(<"$BATS_FILE_TMPDIR/races")
	PREEMPT_RT=
	! grep -qx CONFIG_PREEMPT_RT=y "$KERNEL_DIR/config" || PREEMPT_RT=1
	export FAULT_KO WITNESS_KO RACES_KO PREEMPT_RT
}

setup()
{
	# Where QEMU runs: of paths in its arguments, see restored.
	cd "$BATS_TEST_TMPDIR" || return
	witness=$PWD/witness
	written=$PWD/written
}

# What a row that failed leaves to judge it by. Bats shows it for no other.
teardown()
{
	[[ ! ${BATS_TEST_COMPLETED-} ]] || { assert_no_splat; return; }
	printf -- '--- status %s, and the end of the console\n' "${status-}"
	tail -n 40 <<<"${output-}"
	printf -- '--- the end of the log\n'
	[[ ! -e $witness ]] || tail -n 40 "$witness"
}

# faulty [option of scripts/vm...]: as restored, with the faults at hand. $witness gets
# what the kernel logs from then on, as it logs it, and $written what is written to port
# 0x502, which answers as isa-debug-exit does and is harmless. The file pid has QEMU's.
faulty()
{
	with_faults restored "$@"
}

# faulty_boot [option of scripts/vm...]: as faulty, of a guest that boots.
faulty_boot()
{
	with_faults booted "$@"
}

with_faults()
{
	local script=$BATS_TEST_TMPDIR/guest

	{
		echo 'insmod witness.ko'
		echo 'what=/sys/module/fault/parameters/what'
		echo 'driver=/sys/module/qemu_poweroff/parameters'
		cat
	} >"$script"
	"$1" -m "$FAULT_KO" -m "$WITNESS_KO" -q -pidfile -q pid \
		-q -chardev -q file,id=witness,path=witness \
		-q -device -q isa-debugcon,chardev=witness \
		-q -chardev -q file,id=written,path=written \
		-q -device -q isa-debugcon,iobase=0x502,readback=0,chardev=written "${@:2}" <"$script"
}

# endings FILE: what the driver logged there, of the ends that it decided on.
endings()
{
	grep -o 'qemu_poweroff: [a-z-]*: ending the machine.*' "$1"
}

# ended CODE REASON PATH...: the driver ended the machine, once, for that reason
# and on that way (or one of those), and QEMU's status tells the code.
ended()
{
	local line path told
	line=$(endings "$witness") || fail "the driver did not end the machine: status $status"
	told=$(endings - <<<"$output") || true

	for path in "${@:3}"; do
		[[ $line != "qemu_poweroff: $2: ending the machine with code $1 ($path)" ]] || break
	done
	assert_equal "$line" "qemu_poweroff: $2: ending the machine with code $1 ($path)"
	# On PREEMPT_RT the console prints from a thread, and the machine is gone
	# before that thread had its turn.
	[[ $PREEMPT_RT ]] || assert_equal "$told" "$line"
	assert_code "$1"
	# For the table in docs/fault-matrix.md.
	[[ ! ${MATRIX-} ]] ||
		printf '%s\t%s\t%s\n' "$BATS_TEST_DESCRIPTION" "$status" "${line##*machine }" >>"$MATRIX"
}

# not_ended: the guest ended, and the driver had no part in it.
not_ended()
{
	[[ -s $witness ]] || fail 'no copy of the log'
	assert_equal "$(endings "$witness")" ''
	assert_power_off
}

# logged TEXT: the kernel did.
logged()
{
	grep -qF -- "$1" "$witness" || fail "the kernel did not log: $1: $(tail -n 20 "$witness")"
}

# refused_after FAULT ERROR LINE: after that fault a load is refused with that error
# and that line in the log, and leaves nothing.
refused_after()
{
	faulty <<-E
		insmod fault.ko what=$1
		insmod qemu_poweroff.ko delay=1 code=42 2>&1
		cat /proc/modules /proc/ioports | grep qemu_poweroff
		sleep 2
	E
	assert_line --partial "$2"
	logged "$3"
	refute_line --partial '10f4-10f7'
	refute_line --regexp '^qemu_poweroff '
	not_ended
}

# hotplugged [option of scripts/vm...]: as faulty, with what moves processors. The
# first one stays: x86 does not let it go.
hotplugged()
{
	local script=$BATS_TEST_TMPDIR/hotplugged

	{
		# A processor goes or comes back in 0.2 s. The first time that one comes, the
		# kernel patches its own code, which takes seconds beside other work.
		echo "enough=$(is_watched && echo 20 || echo 10)"
		cat <<-'E'
			online()
			{
				echo $2 >/sys/devices/system/cpu/cpu$1/online
			}
			# The deadline, from now on, is the business of the second processor. Not
			# before the last few seconds: the first, while it spins, takes one of
			# the host's processors.
			lose_the_first()
			{
				insmod fault.ko cpu=0
				until [ $(cat $driver/remaining) -le 4 ]; do usleep 100000; done
				# The console may want the processor that goes.
				echo "remaining $(cat $driver/remaining)" >/dev/kmsg
				echo irq_off >$what
				sleep 60
			}
		E
		cat
	} >"$script"
	# Of the clock source, see one_of_two.
	faulty -a clocksource=hpet "$@" <"$script"
}

# ended_by_the_second: the deadline was still to come when the first was lost.
ended_by_the_second()
{
	grep -qE 'remaining [1-9]' "$witness" || fail "the deadline came first: $(<"$witness")"
	logged 'processor 0 spins with interrupts off'
	ended 42 deadline process 'hard interrupt'
}
