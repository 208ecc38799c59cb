#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# examples/e1000, the driver of a network card: each point of it in a guest that has the
# card, from load to unload. The servers it talks to listen on this machine's loopback.

load examples

setup_file()
{
	build_program nic
	build_examples e1000
	export E1000_KO=$BATS_FILE_TMPDIR/e1000.ko FAIL_LOAD_KO=$BATS_FILE_TMPDIR/fail_load.ko
}

setup()
{
	[[ $QEMU_RUN_MACHINE != microvm ]] || skip 'a microvm has no PCI for the card'
	kernel_has MODULES || skip 'the kernel has no modules'
	cd "$BATS_TEST_TMPDIR" || return
	server=''
}

teardown()
{
	[[ ! $server ]] || kill "$server"
}

# What each script in a guest has besides.
# shellcheck disable=SC2016 # the guest's to expand
readonly card='
	card=/sys/class/net/eth0
	# up: the interface is up, and the host answers.
	up()
	{
		ip link set eth0 up || exit
		ip addr add 10.0.2.15/24 dev eth0 2>/dev/null
		answered
	}
	answered()
	{
		until_true "ping -c 1 -W 1 10.0.2.2 >/dev/null 2>&1"
	}
	# pings COUNT SIZE: none of them is lost.
	pings()
	{
		ping -c $1 -i 0.1 -s $2 10.0.2.2 | tee /tmp/ping | tail -n 3
		grep -q "^$1 packets transmitted, $1 packets received, 0% packet loss" /tmp/ping || exit
	}
	count()
	{
		cat $card/statistics/$1
	}
	# received BYTES: that many more than now.
	received()
	{
		local goal=$(($(count rx_bytes) + $1))
		until_true "[ \$(count rx_bytes) -ge $goal ]"
	}
	# What the driver holds of the machine.
	holdings()
	{
		grep -wE "e1000|eth0" /proc/iomem /proc/interrupts /proc/modules
		grep -c ioremap /proc/vmallocinfo
		ls /sys/class/net /sys/bus/pci/drivers /sys/module
		head -n 1 /sys/kernel/debug/dma-api/num_free_entries 2>/dev/null
	}
'

# [append=TEXT] guest [option of qemu-run...]: runs the script on standard input in a fresh guest with
# the card, and e1000.ko at hand and not loaded. It has to end with 0, and without a
# complaint of the kernel. Output is what it said, and the log of the kernel after that.
guest()
{
	local status=0 append=${append-} limit=900

	# A guest that hangs is to be seen, not a slow one on a busy machine. This one takes
	# half a minute to ask ACPI for the card's interrupt, and gives up.
	! is_watched || { limit=3600; append+=' acpi=noirq'; }
	: >"$BATS_TEST_TMPDIR/console"
	{ printf '%s\n' "$prelude" "$card"; cat; } >"$BATS_TEST_TMPDIR/script"
	output=$(qemu-run --timeout $limit --json "$BATS_TEST_TMPDIR/json" --verbose --nic e1000 \
		${append:+--append "$append"} -f "$E1000_KO" -f "$BATS_FILE_TMPDIR/nic" -f "$BATS_TEST_TMPDIR/script" "$@" \
		-- sh script 2>"$BATS_TEST_TMPDIR/console" </dev/null) || status=$?
	output+=$'\n'$(sed -E 's/^\| //; s/\r//g' "$BATS_TEST_TMPDIR/console")
	mapfile -t lines <<<"$output"
	printf '%s\n' "$output" | tee "$BATS_TEST_TMPDIR/output"
	assert_equal "$status" 0
	assert_equal "$(json .outcome)" exit
}

# await COMMAND...: until it succeeds, for as long as a watching kernel may need to boot.
await()
{
	local deadline=$((SECONDS + 300))

	until "$@"; do
		((SECONDS < deadline)) || fail "waited in vain: $*"
		sleep 0.1
	done
}

# told LINE: whether the guest has written it to its console.
told()
{
	grep -qx "| $1.*" "$BATS_TEST_TMPDIR/console"
}

# free_port: one that nobody has just now.
free_port()
{
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# serve: the host's end of the traffic; the ports are in give, take and flood.
serve()
{
	"$top/tests/tcp-server.py" "$PWD" >/dev/null 2>server.log 3>&- &
	server=$!
	wait_for test -s flood.port
	give=$(<give.port) take=$(<take.port) flood=$(<flood.port)
}

@test 'ping: 56 and 1400 bytes, and none is lost' {
	guest <<-'E'
		insmod e1000.ko || exit
		up
		pings 50 56
		pings 50 1400
	E
	assert_line --regexp 'e1000 0000:00:[0-9a-f.]+ eth0: 82540EM at .*, address 52:54:00:12:34:56, interrupt [0-9]+'
}

@test 'remove: ping, unload, load again, ping' {
	guest <<-'E'
		for round in 1 2 3; do
			insmod e1000.ko || exit
			up
			pings 5 56
			rmmod e1000 || exit
			! grep -wE 'e1000|eth0' /proc/iomem /proc/interrupts || exit
			[ ! -e $card ] || exit
		done
	E
}

# In one guest, with what the card is told while its address is changed: QEMU's log has
# each write to a register.
@test 'link: its loss and its return are seen, by the interrupt, sysfs and ethtool' {
	local qmp=$PWD/qmp run
	guest --cold -m e1000 --qemu -qmp --qemu "unix:$qmp,server=on,wait=off" \
		--qemu -D --qemu "$PWD/qemu.log" <<-'E' &
		# The kernel's own driver, to compare with.
		./nic modes eth0
		rmmod e1000
		insmod e1000.ko || exit
		up
		./nic modes eth0
		./nic link eth0
		echo $(cat $card/carrier $card/speed $card/duplex)
		echo plugged >/dev/ttyS0
		until_true '[ "$(cat $card/carrier)" = 0 ]'
		./nic link eth0
		! ping -c 2 -W 1 10.0.2.2 >/dev/null || echo 'an answer without a link'
		echo unplugged >/dev/ttyS0
		until_true '[ "$(cat $card/carrier)" = 1 ]'
		answered
		./nic link eth0
		pings 5 56
		ip link set eth0 address 52:54:00:ab:cd:ef || exit
		answered
	E
	run=$!
	await told plugged
	monitor "$qmp" '{"execute": "set_link", "arguments": {"name": "net", "up": false}}' \
		'{"execute": "trace-event-set-state", "arguments": {"name": "memory_region_ops_write", "enable": true}}'
	await told unplugged
	monitor "$qmp" '{"execute": "set_link", "arguments": {"name": "net", "up": true}}'
	wait "$run"
	output=$(<output)
	mapfile -t lines <<<"$output"
	refute_output --partial 'an answer without'
	assert_line '1 1000 full'
	assert_equal "$(grep -E '^link [01] speed' <<<"$output" | paste -sd ';')" \
		'link 1 speed 1000 duplex full;link 0 speed -1 duplex unknown;link 1 speed 1000 duplex full'
	assert_equal "$(grep -oE 'eth0: link is (up|down)' <<<"$output" | paste -sd ';')" \
		'eth0: link is up;eth0: link is down;eth0: link is up'
	assert_equal "$(grep -c '^supported 000000ef advertised 000000ef$' <<<"$output")" 2
	# RCTL without its bit "enable", the two halves of the address, RCTL with it.
	assert_equal "$(sed -nE "s/.* addr 0x[0-9a-f]*([0-9a-f]{4}) value 0x([0-9a-f]+) .*'e1000-mmio'.*/\1 \2/p" qemu.log |
		grep -E '^(0100|5400|5404) ' | paste -sd ';')" '0100 4008000;5400 ab005452;5404 8000efcd;0100 4008002'
}

@test 'probe: takes the registers by no function that the kernel calls deprecated' {
	grep -qw pcim_iomap_region "$KERNEL_DIR/build/Module.symvers" || skip 'this kernel has no other'
	run nm -u "$E1000_KO"
	assert_line --regexp ' pcim_iomap_region$'
	refute_line --regexp ' pcim_iomap_(regions|table)$'
}

# bats test_tags=slow
@test 'TCP: 100 MB each way at once arrive intact' {
	head -c 100000000 /dev/urandom >give
	head -c 100000000 /dev/urandom >sent
	serve
	guest --memory 1024 -f sent <<-E
		insmod e1000.ko || exit
		up
		nc 10.0.2.2 $take <sent &
		echo "received \$(nc 10.0.2.2 $give </dev/null | md5sum)"
		wait
		echo "counted \$(count rx_bytes) \$(count tx_bytes)"
		echo "lost \$(count rx_errors) \$(count rx_dropped) \$(count tx_errors) \$(count tx_dropped)"
	E
	assert_line --partial "received $(md5sum <give | cut -d ' ' -f 1)"
	await test -s taken
	assert_equal "$(<taken)" "$(md5sum <sent | cut -d ' ' -f 1)"
	# Every few minutes QEMU announces itself as a router of IPv6, to a group that shares
	# a bit of the card's table with one of IPv4. A kernel without IPv6 drops that.
	if kernel_has IPV6; then
		assert_line 'lost 0 0 0 0'
	else
		assert_line --regexp '^lost 0 [0-9] 0 0$'
	fi
	# What went over the wire has headers besides.
	local counted received sent
	counted=$(sed -n 's/^counted //p' <<<"$output")
	read -r received sent <<<"$counted"
	((received > 100000000 && received < 130000000))
	((sent > 100000000 && sent < 130000000))
}

# bats test_tags=slow
@test 'down and up a hundred times under traffic both ways' {
	serve
	guest --cpus 2 <<-E
		insmod e1000.ko || exit
		up
		while :; do nc 10.0.2.2 $flood </dev/zero >/dev/null 2>&1 || usleep 10000; done &
		loop=\$!
		while :; do ping -i 0.01 -s 1400 10.0.2.2 >/dev/null 2>&1 || usleep 10000; done &
		loops="\$loop \$!"
		received 1000000
		for round in \$(seq 100); do
			ip link set eth0 down || exit
			ip link set eth0 up || exit
			# The driver learns of the link by an interrupt: not down again before it.
			until_true '[ "\$(cat /sys/class/net/eth0/carrier)" = 1 ]'
			# QEMU's card is deaf for a second: now and then wait for what it receives.
			if [ \$((round % 10)) = 0 ]; then received 1000000; else usleep 20000; fi
		done
		kill \$loops
		killall nc ping
		until_true '! pidof nc ping >/dev/null'
		answered
		pings 10 1400
	E
	assert_equal "$(grep -c 'eth0: link is up' <<<"$output")" 101
}

# bats test_tags=slow
@test 'unload under traffic both ways' {
	serve
	guest --cpus 2 <<-E
		for round in \$(seq 10); do
			insmod e1000.ko || exit
			up
			nc 10.0.2.2 $flood </dev/zero >/dev/null 2>&1 &
			ping -i 0.01 -s 1400 10.0.2.2 >/dev/null 2>&1 &
			received 1000000
			rmmod e1000 || exit
			killall nc ping 2>/dev/null
			wait
		done
		insmod e1000.ko || exit
		up
		pings 10 56
	E
}

# bats test_tags=slow
@test 'load and unload a hundred times: nothing is left' {
	append=kmemleak=on guest <<-'E'
		cycle()
		{
			insmod e1000.ko || exit
			ip link set eth0 up || exit
			rmmod e1000 || exit
		}
		for round in $(seq 5); do cycle; done
		leaks >/dev/null
		[ ! -e /sys/kernel/debug/kmemleak ] || echo clear >/sys/kernel/debug/kmemleak
		holdings >before
		for round in $(seq 100); do cycle; done
		holdings >after
		diff before after || exit
		leaks
	E
	refute_line --partial 'unreferenced object'
	! kernel_has DEBUG_KMEMLEAK || assert_line 'leaks looked for'
}

# probe_fails FUNCTION RETVAL: with that function of the kernel returning that value
# there is no interface, and nothing is left.
probe_fails()
{
	echo "# probe: $1"
	append=kmemleak=on guest -f "$FAIL_LOAD_KO" <<-E
		insmod e1000.ko && rmmod e1000 || exit
		leaks >/dev/null
		[ ! -e /sys/kernel/debug/kmemleak ] || echo clear >/sys/kernel/debug/kmemleak
		insmod fail_load.ko victim=e1000 function=$1 retval=$2 || exit
		holdings >before
		for round in 1 2 3; do
			insmod e1000.ko || exit
			echo "injected \$(cat /sys/module/fail_load/parameters/injected)"
			[ ! -e \$card ] || echo 'probe did not fail'
			rmmod e1000 || exit
		done
		holdings >after
		diff before after || exit
		rmmod fail_load || exit
		insmod e1000.ko || exit
		up
		pings 5 56
		rmmod e1000 || exit
		leaks
	E
	assert_equal "$(grep -cx 'injected 1' <<<"$output")" 3
	refute_line 'probe did not fail'
	refute_line --partial 'unreferenced object'
	! kernel_has DEBUG_KMEMLEAK || assert_line 'leaks looked for'
}

# bats test_tags=slow
@test 'probe: each of its steps fails in turn, and leaves nothing' {
	kernel_has KPROBES || skip 'the kernel has no kprobes'
	probe_fails pcim_enable_device -5
	probe_fails dma_set_mask -5
	probe_fails "$(nm -u "$E1000_KO" | grep -o 'pcim_iomap_region.*')" -16
	probe_fails devm_alloc_etherdev_mqs 0
	probe_fails register_netdev -12
}

@test 'probe: a card with a group address is refused' {
	# The one of --nic is not wanted: the other one has no network behind it.
	guest --cold --qemu -device --qemu e1000,mac=01:00:00:00:00:01,romfile= <<-'E'
		insmod e1000.ko || exit
		# The card with a good address works beside it.
		up
		[ ! -e /sys/class/net/eth1 ] || exit
		rmmod e1000 || exit
	E
	assert_line --regexp 'e1000 0000:00:[0-9a-f.]+: error -(EINVAL|22): 01:00:00:00:00:01 is no address for a card'
}

# open_fails FUNCTION RETVAL SKIP ERROR: with that function returning that value, after
# so many calls that succeed, "ip link set up" says that error, and nothing is left.
open_fails()
{
	echo "# open: $1, call $3"
	guest -f "$FAIL_LOAD_KO" <<-E
		insmod e1000.ko || exit
		insmod fail_load.ko comm=ip function=$1 retval=$2 || exit
		ip link set eth0 up 2>/dev/null
		ip link set eth0 down
		holdings >before
		for round in 1 2 3; do
			injected=\$(cat /sys/module/fail_load/parameters/injected)
			echo $3 >/sys/module/fail_load/parameters/skip
			ip link set eth0 up && echo 'open did not fail'
			[ \$(cat /sys/module/fail_load/parameters/injected) -gt \$injected ] ||
				echo 'nothing was injected'
		done
		holdings >after
		diff before after || exit
		rmmod fail_load || exit
		up
		pings 5 56
		rmmod e1000 || exit
	E
	refute_line 'open did not fail'
	refute_line 'nothing was injected'
	assert_equal "$(grep -c "$4" <<<"$output")" 3
}

# bats test_tags=slow
@test 'open: each of its steps fails in turn, and leaves nothing' {
	kernel_has KPROBES || skip 'the kernel has no kprobes'
	# The two rings; the first and the last buffer; their mapping; the interrupt.
	open_fails dma_alloc_attrs 0 0 'Out of memory\|Cannot allocate memory'
	open_fails dma_alloc_attrs 0 1 'Out of memory\|Cannot allocate memory'
	open_fails __netdev_alloc_skb 0 0 'Out of memory\|Cannot allocate memory'
	open_fails __netdev_alloc_skb 0 255 'Out of memory\|Cannot allocate memory'
	open_fails dma_map_page_attrs -1 0 'Out of memory\|Cannot allocate memory'
	open_fails dma_map_page_attrs -1 255 'Out of memory\|Cannot allocate memory'
	open_fails request_threaded_irq -16 0 'Device or resource busy\|Resource busy'
}

@test 'open: fails at each of its allocations in turn, and leaves nothing' {
	kernel_has FAULT_INJECTION || skip 'this kernel injects no faults'
	append=kmemleak=on guest <<-'E'
		for attribute in failslab fail_page_alloc; do
			echo N >/sys/kernel/debug/$attribute/ignore-gfp-wait
			echo 0 >/sys/kernel/debug/$attribute/verbose
		done
		echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
		insmod e1000.ko || exit
		ip link set eth0 up && ip link set eth0 down
		leaks >/dev/null
		echo clear >/sys/kernel/debug/kmemleak
		holdings >before
		nth=0 failed=0
		while [ $nth -lt 2000 ]; do
			nth=$((nth + 1))
			said=$(./nic open eth0 $nth)
			case $said in
			'opened spared') break ;;
			opened) ;;
			*spared) echo "$nth: $said without a failure" ;;
			*) failed=$((failed + 1)) ;;
			esac
			ip link set eth0 down
		done
		ip link set eth0 down
		holdings >after
		diff before after || exit
		echo "of $nth opens $failed failed"
		up
		pings 5 56
		rmmod e1000 || exit
		leaks
	E
	refute_line --partial 'without a failure'
	refute_line --partial 'unreferenced object'
	assert_line 'leaks looked for'
	local failed
	failed=$(sed -nE 's/^of [0-9]+ opens ([0-9]+) failed$/\1/p' <<<"$output")
	echo "# $(grep '^of .* opens ' <<<"$output")" >&3
	# Two rings and 256 buffers at the least.
	((failed >= 258))
}

@test 'a frame that there is no memory for is dropped and counted, either way' {
	kernel_has KPROBES || skip 'the kernel has no kprobes'
	guest -f "$FAIL_LOAD_KO" <<-'E'
		insmod e1000.ko || exit
		up
		# What ping sends is mapped by ping itself.
		insmod fail_load.ko comm=ping function=dma_map_page_attrs retval=-1 || exit
		! ping -c 3 -W 1 10.0.2.2 >/dev/null || echo 'a frame got through'
		rmmod fail_load
		echo "not sent $(count tx_dropped)"
		pings 5 56
		# Nobody else takes a buffer by that function.
		insmod fail_load.ko comm='*' function=__netdev_alloc_skb retval=0 || exit
		! ping -c 3 -W 1 10.0.2.2 >/dev/null || echo 'a frame got through'
		rmmod fail_load
		echo "not received $(count rx_dropped)"
		pings 5 56
	E
	refute_line 'a frame got through'
	# ARP and the like may have tried, too.
	(($(sed -n 's/^not sent //p' <<<"$output") >= 3))
	(($(sed -n 's/^not received //p' <<<"$output") >= 3))
}

@test 'the address is changed while it is up, and frames to the new one arrive' {
	guest <<-'E'
		insmod e1000.ko || exit
		up
		ip link set eth0 address 52:54:00:ab:cd:ef || exit
		cat $card/address
		answered
		pings 5 56
		! ip link set eth0 address 01:00:00:00:00:01 2>/dev/null || echo 'a group address was taken'
		# An open card keeps it, one that is opened again as well.
		ip link set eth0 down
		up
		pings 5 56
		ip link set eth0 promisc on
		answered
		ip link set eth0 promisc off
		answered
		pings 5 56
	E
	assert_line 52:54:00:ab:cd:ef
	refute_line 'a group address was taken'
}

# bats test_tags=slow
@test 'two cards on one interrupt line, one of them unloaded and bound again' {
	guest --cold --cpus 2 --qemu -netdev --qemu user,id=net2,net=10.0.3.0/24 \
		--qemu -device --qemu e1000,netdev=net2,addr=0x12,romfile= \
		--qemu -netdev --qemu user,id=net3,net=10.0.4.0/24 \
		--qemu -device --qemu e1000,netdev=net3,addr=0x16,romfile= <<-'E'
		insmod e1000.ko || exit
		for i in 1 2; do
			ip link set eth$i up || exit
			ip addr add 10.0.$((i + 2)).15/24 dev eth$i || exit
			until_true "ping -c 1 -W 1 10.0.$((i + 2)).2 >/dev/null 2>&1"
		done
		grep 'eth1, eth2' /proc/interrupts || exit
		# The neighbour's interrupts reach a card that is down, gone and there again.
		ping -c 100 -i 0.05 10.0.3.2 >ping &
		device=$(basename $(readlink /sys/class/net/eth2/device))
		for round in 1 2 3 4 5; do
			ip link set eth2 down
			ip link set eth2 up
			echo $device >/sys/bus/pci/drivers/e1000/unbind
			echo $device >/sys/bus/pci/drivers/e1000/bind
			ip link set eth2 up
		done
		wait
		cat ping
		grep -q '100 packets received, 0% packet loss' ping || exit
		rmmod e1000 || exit
	E
}

# bats test_tags=slow
@test 'suspend and resume: what was open is open, and what was sent arrives' {
	kernel_has PM_DEBUG || skip 'the suspend of this kernel does not end by itself'
	serve
	guest <<-E
		insmod e1000.ko || exit
		up
		echo 1 >/sys/module/suspend/parameters/pm_test_delay
		echo core >/sys/power/pm_test
		for round in 1 2 3; do
			echo mem >/sys/power/state || exit
			answered
			pings 5 56
		done
		# One that is down stays down, and can be opened afterwards.
		ip link set eth0 down
		echo mem >/sys/power/state || exit
		up
		pings 5 56
		# With traffic under way.
		nc 10.0.2.2 $flood </dev/zero >/dev/null 2>&1 &
		received 1000000
		echo mem >/sys/power/state || exit
		received 1000000
		killall nc
		wait
		pings 5 1400
		echo "suspended \$(dmesg | grep -c 'PM: suspend exit')"
	E
	assert_line 'suspended 5'
}

# bats test_tags=slow
@test 'transmit timeout: a card that no longer sends is reset, and sends again' {
	guest --allow-splat='NETDEV WATCHDOG' <<-'E'
		insmod e1000.ko || exit
		up
		config=$card/device/config
		# command BYTE: the low byte of PCI's command register.
		command()
		{
			printf "\\x$(printf %02x $1)" | dd of=$config bs=1 seek=4 conv=notrunc 2>/dev/null
		}
		was=$(od -An -tu1 -j 4 -N 1 $config)
		# Without bus mastering the card reads no memory, and tells of nothing that it did.
		command $((was & ~4))
		while :; do ping -i 0.01 -s 1400 10.0.2.2 >/dev/null 2>&1; done &
		until_true "dmesg | grep -q 'eth0: transmit timeout'"
		command $((was))
		# What was sent between that reset and now is lost without a word, and takes one more.
		until_true 'ping -c 20 -i 0.1 -W 1 10.0.2.2 2>/dev/null | grep -q " 0% packet loss"'
		kill $!
		killall ping
		pings 10 1400
		rmmod e1000 || exit
	E
	assert_line --regexp 'e1000 .* eth0: transmit timeout: head [0-9]+, tail [0-9]+: resetting the card'
}

@test "BusyBox's telnet server is reached from the host" {
	local port run
	port=$(free_port)
	guest --forward "$port:23" <<-'E' &
		insmod e1000.ko || exit
		up
		telnetd -l /bin/sh || exit
		echo listening >/dev/ttyS0
		until_true '[ -e goodbye ]'
		pings 5 56
	E
	run=$!
	await told listening
	python3 - "$port" <<-'E'
		import socket, sys
		shell = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=120)
		# The shell's own echo has the question, not the answer.
		shell.sendall(b"echo answer $((6 * 7))\r\n")

		def hear(text):
		    heard = b""
		    while text not in heard:
		        part = shell.recv(4096)
		        assert part, heard
		        heard += part

		hear(b"answer 42")
		shell.sendall(b"touch /root/goodbye && echo good$((1))bye\r\n")
		hear(b"good1bye")
	E
	wait "$run"
}

# served: whether the server of NFS is ready, or has ended.
served()
{
	grep -qs 'NFS SERVER INITIALIZED' nfs.log || ! kill -0 "$server" 2>/dev/null
}

# bats test_tags=slow
@test 'a directory of the host is mounted by NFS, and 50 MB in it are read intact' {
	command -v ganesha.nfsd >/dev/null || skip 'nfs-ganesha is the server: scripts/setup all'
	((EUID == 0)) || skip 'the server opens files by handle: as root'
	[[ -e /etc/mtab ]] || skip 'the server looks for file systems in /etc/mtab'
	local port nfs
	port=$(free_port)
	mkdir export
	head -c 50000000 /dev/urandom >export/file
	cat >nfs.conf <<-E
		NFS_CORE_PARAM {
			Protocols = 4;
			Bind_addr = 127.0.0.1;
			NFS_Port = $port;
			Enable_UDP = false;
			Enable_NLM = false;
			Enable_RQUOTA = false;
			# In a container it may not; older ones warn of a name they do not know.
			allow_set_io_flusher_fail = true;
		}
		NFSv4 { Graceless = true; RecoveryRoot = "$PWD"; }
		EXPORT {
			Export_Id = 1;
			Path = "$PWD/export";
			Pseudo = /export;
			Access_Type = RO;
			Squash = No_Root_Squash;
			SecType = sys;
			FSAL { Name = VFS; }
		}
	E
	ganesha.nfsd -F -f nfs.conf -L "$PWD/nfs.log" -p "$PWD/nfs.pid" >/dev/null 2>&1 3>&- &
	server=$!
	await served
	grep -q 'NFS SERVER INITIALIZED' nfs.log || fail "the server ended: $(tail -n 20 nfs.log)"
	# Overlayfs has no handles: TMPDIR names another place.
	! grep -q 'Could not get handle.*Operation not supported' nfs.log || skip "the file system of $PWD gives no handles of files"
	! grep -E '(FSAL|EXPORT) :CRIT' nfs.log || fail "the server does not export $PWD/export"
	guest -m nfsv4 <<-E
		insmod e1000.ko || exit
		up
		mkdir /mnt
		mount -t nfs4 -o ro,addr=10.0.2.2,clientaddr=10.0.2.15,port=$port 10.0.2.2:/export /mnt || exit
		md5sum /mnt/file
		umount /mnt || exit
		rmmod e1000 || exit
	E
	assert_line "$(md5sum <export/file | cut -d ' ' -f 1)  /mnt/file"
}
