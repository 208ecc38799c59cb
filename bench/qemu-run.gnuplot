# SPDX-License-Identifier: GPL-2.0
#
# Draws the samples of bench/qemu-run:
#   gnuplot -e "csv='qemu-run-6.1.csv'; svg='qemu-run-6.1.svg'" bench/qemu-run.gnuplot

set datafile separator ','
set terminal svg size 1100,1000 font 'sans-serif,13' background 'white'
set output svg

# A sample of that case, or nothing; how many there are.
of(name) = strcol(2) eq name ? column(4) : NaN
count(name) = int(system(sprintf("grep -c ',%s,' '%s' || true", name, csv)))
middle(name) = real(system(sprintf("grep ',%s,' '%s' | cut -d , -f 4 | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'", name, csv)))
kernel = system(sprintf("sed -n '2s/,.*//p' '%s'", csv))

set style fill solid 0.35
set style boxplot outliers pointtype 7 fraction 1
set boxwidth 0.5
set grid ytics linecolor '#dddddd'
set border 3
set tics nomirror
unset key

set multiplot layout 3,2 title sprintf('qemu-run, kernel %s: box: quartiles, whiskers: all samples', kernel)

# present(names): those of which there are samples.
present(names) = system(sprintf("for name in %s; do ! grep -q \",$name,\" '%s' || echo $name; done", names, csv))

start = present('floor warm module preloaded cold bzimage virtme-ng')
streams = present('uart stdout files get')
jobs = present('at-once-1 at-once-2 at-once-4')
memory = present('memory-pss-of-1 memory-alone-of-1 memory-pss-of-4 memory-alone-of-4')

if (words(start)) {
	set title 'from start to exit status'
	set ylabel 'ms'
	set logscale y
	set xtics ()
	do for [i = 1:words(start)] { set xtics add (word(start, i) i) }
	plot [0.5:words(start) + 0.5] for [i = 1:words(start)] csv using (i):(of(word(start, i))) skip 1 with boxplot linecolor i
	unset logscale y
} else { set multiplot next }

if (count('phase-start')) {
	phases = 'prepare spawn start command end'
	set title 'where a warm run spends it'
	set ylabel 'ms'
	set xtics ()
	do for [i = 1:words(phases)] { set xtics add (word(phases, i) i) }
	plot [0.5:words(phases) + 0.5] [0:] for [i = 1:words(phases)] csv using (i):(of('phase-'.word(phases, i))) skip 1 with boxplot linecolor i
} else { set multiplot next }

set xtics autofreq
if (count('row')) {
	set title 'one run after the other'
	set xlabel 'run'
	set ylabel 'ms'
	plot [0:count('row') + 1] [0:3 * middle('row')] csv using 3:(of('row')) skip 1 with points pointtype 7 pointsize 0.2 linecolor 2
	unset xlabel
} else { set multiplot next }

if (words(jobs)) {
	set title 'each of 1, 2 and 4 at a time'
	set ylabel 'ms'
	set xtics ()
	do for [i = 1:words(jobs)] { set xtics add (word(jobs, i)[9:] i) }
	plot [0.5:words(jobs) + 0.5] [0:] for [i = 1:words(jobs)] csv using (i):(of(word(jobs, i))) skip 1 with boxplot linecolor i
} else { set multiplot next }

if (words(streams)) {
	set title 'what a bulk adds to a run'
	set ylabel 'MB/s'
	set logscale y
	set xtics ()
	do for [i = 1:words(streams)] { set xtics add (word(streams, i) i) }
	plot [0.5:words(streams) + 0.5] for [i = 1:words(streams)] csv using (i):(of(word(streams, i))) skip 1 with boxplot linecolor i
	unset logscale y
} else { set multiplot next }

if (words(memory)) {
	set title 'memory of a run, of one or of four at a time'
	set ylabel 'MiB'
	set xtics ()
	do for [i = 1:words(memory)] { set xtics add (word(memory, i)[8:] i) }
	plot [0.5:words(memory) + 0.5] [0:] for [i = 1:words(memory)] csv using (i):(of(word(memory, i)) / 1024) skip 1 with boxplot linecolor i
} else { set multiplot next }

unset multiplot
