#!/usr/bin/perl
# The tools' own manners: what they say about bad input, and what they make of each way in which a machine can end.
# The emulators and apt-get are stand-ins here; the other tests run the real ones.
use strict;
use warnings;
use Cwd 'abs_path';
use File::Temp 'tempdir';
use Test::More;

(my $top = abs_path($0)) =~ s{/tests/[^/]*$}{};
my $work = tempdir(CLEANUP => 1);
mkdir "$work/$_" or die for qw(bin build build/guests empty tmp);

sub file
{
    my ($name, $text, $mode) = @_;
    open my $out, '>', "$work/$name" or die "$name: $!";
    print $out $text;
    close $out;
    chmod $mode, "$work/$name" if $mode;
    return "$work/$name";
}

# Runs a shell command; -> its status, and all that it printed.
sub run
{
    my ($command) = @_;
    my $in = "export BUILD=$work/build TMPDIR=$work/tmp PATH=$work/bin:\$PATH";
    my $text = `cd $work && $in; { $command ; } 2>&1 </dev/null`;
    return ($? >> 8, $text);
}

sub ends
{
    my ($command, $status, $pattern, $name) = @_;
    my ($got, $text) = run($command);
    ok($got == $status && $text =~ $pattern, $name)
        or diag("$command\nended with $got, expected $status and $pattern:\n$text");
}

# ---- Options ----
for my $tool (qw(setup try-clean run-qemu run-bochs make-iso make-pxe serve-pxe symbols build-newlib run-tests repeat check-includes)) {
    ends("$top/tools/$tool --help", 0, qr/^usage: tools\/$tool /, "$tool --help");
}
for my $tool (qw(setup run-qemu run-bochs make-iso make-pxe serve-pxe)) {
    ends("$top/tools/$tool --bogus", 2, qr/unknown option: --bogus/, "$tool refuses an unknown option by name");
}
for my $tool (qw(run-qemu run-bochs)) {
    ends("$top/tools/$tool --cpus", 2, qr/--cpus wants a value/, "$tool misses a value");
    ends("$top/tools/$tool --memory 1G", 2, qr/--memory wants a number, not "1G"/, "$tool refuses what is no number");
    ends("$top/tools/$tool --iso x.iso --append y", 2, qr/in the image/, "$tool: --append can't change an image");
    ends("$top/tools/$tool --iso x.iso", 2, qr/x\.iso: no such file/, "$tool names a missing image");
}
ends("$top/tools/run-qemu --kvm --icount", 2, qr/--icount and --threads are TCG's/, "run-qemu: --icount is not for KVM");
ends("$top/tools/run-bochs --debugger $_", 2, qr/--debugger: not with --timeout/, "run-bochs: --debugger with $_")
    for '--timeout 9', '--log x', '--debug-port';
ends("$top/tools/run-bochs --memory 4096", 2, qr/at most 2048/, "run-bochs knows Bochs's limit of memory");
ends("$top/tools/make-iso", 2, qr/no name for the image/, "make-iso wants a name");
mkdir "$work/a folder";
ends("$top/tools/make-iso 'a folder'", 2, qr/\Amake-iso: a folder: this is a folder/, "make-iso wants the name of a file");
ends("$top/tools/make-iso none/x.iso", 2, qr{\Amake-iso: none/x\.iso: there is no such folder\n\z}, "make-iso: a file in no folder");
ends("$top/tools/make-pxe", 2, qr/no folder is given/, "make-pxe wants a folder");
ends("$top/tools/make-pxe --dhcp", 0, qr/nestor\.efi.*nestor\.0.*^dnsmasq .*client-arch,7$/ms, "make-pxe --dhcp");

# ---- Modules ----
file('good.conf', <<"END");
# image = none
[vm a]
image = a.bin   # the one
[vm b]
  image=$work/other/b.bin
[vm c]
image = a.bin
END
mkdir "$work/other";
ends("$top/tools/run-qemu --config good.conf", 2, qr/build\/nestor\.elf: no such file \(run make first\)/, 'no kernel');
file("build/$_", "\x7fELF$_") for qw(nestor.elf root.elf monitor.elf guests/a.bin);
ends("$top/tools/run-qemu --config none.conf", 2, qr/none\.conf: no such file/, 'no config');
ends("$top/tools/run-qemu --config good.conf", 2, qr/other\/b\.bin: no such file \(image in good\.conf, line 5\)/,
    'a missing guest image is named with its line');
file('other/b.bin', 'b');
file('other/a.bin', 'b');
file('twice.conf', "image = a.bin\nimage = $work/other/a.bin\n");
ends("$top/tools/run-qemu --config twice.conf", 2, qr/line 2: .*: another module is called a\.bin, too/,
    'two modules of one name');
file('space.conf', "image = a,b.bin\n");
ends("$top/tools/run-qemu --config space.conf", 2, qr/line 1: a module's name .*"a,b\.bin"/, 'a comma in a name');
ends("$top/tools/make-iso --config good.conf --append 'a;b' x.iso", 2, qr/--append a;b: only letters/,
    'a command line that GRUB would not pass on');

# ---- What run-qemu makes of QEMU ----
file('bin/qemu-system-x86_64', <<'END', 0755);
#!/bin/sh
# Prints the modules and what SAY says, and ends with status STATUS; `hang` never ends.
for word; do
    case $before in -initrd | -append) echo "$before $word"; esac
    before=$word
done
[ -z "$SAY" ] || echo "$SAY"
echo $$ >"$TMPDIR/../machine"
[ "$STATUS" != hang ] || exec sleep 60
exit $STATUS
END
my $qemu = "$top/tools/run-qemu --tcg --config good.conf";
ends("SAY='NESTOR END pass' STATUS=1 $qemu --append x=1", 0,
    qr/-append x=1 end=qemu\n-initrd root\.elf,monitor\.elf,good\.conf,a\.bin,b\.bin,profiles\nNESTOR END pass\n$/s,
    'QEMU: pass, and what was booted');
ends("SAY='NESTOR END pass' STATUS=1 $qemu --without root.elf", 0, qr/-initrd monitor\.elf,good\.conf/, '--without');
ends("SAY='NESTOR END fail' STATUS=3 $qemu", 1, qr/NESTOR END fail\n$/, 'QEMU: fail');
ends("SAY= STATUS=0 $qemu", 2, qr/reset or went off/, 'QEMU: a reset');
ends("SAY='NESTOR END pass' STATUS=0 $qemu", 2, qr/reset or went off.*after the verdict pass/,
    'QEMU: a reset at the end');
ends("SAY= STATUS=1 $qemu", 2, qr/status 1, but .* verdict is missing/, 'QEMU: an error of its own is no pass');
ends("SAY='NESTOR END fail' STATUS=1 $qemu", 2, qr/status 1, but .* verdict is fail/, 'QEMU: status and text disagree');
ends("SAY='not NESTOR END pass' STATUS=1 $qemu", 2, qr/verdict is missing/, 'QEMU: the verdict is a line of its own');
ends("SAY=hello STATUS=hang $qemu --timeout 1", 2, qr/hello\n.*no end after 1 s/s, 'QEMU: no end');
ends("SAY=hello STATUS=1 $qemu --log copy; cat copy", 0, qr/hello\n.*hello\n/s, 'QEMU: --log');
file('x.iso', 'iso');
ends("SAY='NESTOR END pass' STATUS=hang $top/tools/run-qemu --iso x.iso", 0, qr/pass/,
    'QEMU: an image that can not end it');

# ---- What run-bochs makes of Bochs ----
file('bin/bochs', <<'END', 0755);
#!/bin/sh
# Writes what SAY says to the serial file of its bochsrc.
serial=$(sed -n 's/^com1:.*dev="\(.*\)"/\1/p' bochsrc)
grep '^cpu:' bochsrc
[ -z "$SAY" ] || echo "$SAY" >"$serial"
echo '00000000001p[CPU0  ] >>PANIC<< broken' >bochs.log
echo $$ >"$TMPDIR/../machine"
[ "$STATUS" != hang ] || exec sleep 60
exit $STATUS
END
my $bochs = "$top/tools/run-bochs --iso x.iso";
ends("SAY='NESTOR END pass' STATUS=0 $bochs", 0, qr/^NESTOR END pass\n$/, 'Bochs: pass');
ends("SAY='NESTOR END fail' STATUS=0 $bochs", 1, qr/^NESTOR END fail\n$/, 'Bochs: fail');
ends("SAY=hello STATUS=1 $bochs", 2, qr/hello\n.*status 1, .*no verdict.*PANIC<< broken/s, 'Bochs: a panic is shown');
ends("SAY=hello STATUS=hang $bochs --timeout 1", 2, qr/hello\n.*no end after 1 s/s, 'Bochs: no end');
ends("sed -n '/^nestor_lines/,/^}/p' $top/tools/run-bochs >lines; . ./lines; printf 'Next at t=0\\n# one\\r\\n# tw(3).[84] [0x0] 0008 "
    . "(unk. ctxt): div eax\\no\\r\\n(0).[9] ???\\nNESTOR END pass\\r\\n' | nestor_lines", 0,
    qr/^# one\r\n# two\r\nNESTOR END pass\r\n$/, 'Bochs: what its debugger says is taken out of our lines');
for ($qemu, $bochs) {
    my ($tool) = m{tools/(\S+)};
    ends("rm -f machine; SAY= STATUS=hang $_ & until [ -s machine ]; do sleep 0.1; done; kill \$!; wait \$!; "
        . 'echo status $?; for i in $(seq 300); do kill -0 $(cat machine) 2>/dev/null || break; sleep 0.1; done; kill -0 $(cat machine)', 1, qr/status 143\n.*No such process/s,
        "$tool, when ended by a signal, ends the machine");
}
opendir my $left, "$work/tmp" or die;
is_deeply([grep { !/^\./ } readdir $left], [], 'no work folder is left behind');

# ---- setup ----
file('bin/dpkg-query', <<'END', 0755);
#!/bin/sh
# All packages are installed but two.
for p; do case $p in -* | nasm | bochs) ;; *) echo "ii $p" ;; esac; done
END
file('bin/apt-get', <<'END', 0755);
#!/bin/sh
# Finds packages only after an update.
echo apt-get $*
case $* in *update*) touch list; exit ;; esac
[ -e list ] && [ -z "$BROKEN" ]
END
file('bin/id', "#!/bin/sh\necho \${ID:-0}\n", 0755);
file('bin/sudo', "#!/bin/sh\necho sudo \$*\n\"\$@\"\n", 0755);
ends("$top/tools/setup --check", 1, qr/^setup: missing: bochs nasm\n$/, 'setup --check only reports');
ends("$top/tools/setup --check --only nasm gcc", 1, qr/^setup: missing: nasm\n$/, 'setup --only');
ends("$top/tools/setup", 0, qr/install .* bochs nasm\n.*-y update\n.*install .*bochs nasm\nsetup: done\n$/s,
    'setup fetches a list of packages when it must');
ends("$top/tools/setup", 0, qr/^(?!.*update).*setup: done\n$/s, 'setup fetches no list when it need not');
ends("ID=1000 $top/tools/setup", 0, qr/^sudo env DEBIAN_FRONTEND=noninteractive apt-get/m, 'setup uses sudo');
ends("BROKEN=1 $top/tools/setup", 1, qr/could not install: bochs nasm/, 'setup fails when apt-get does');
for my $program (qw(sh dirname id)) {
    symlink "/bin/$program", "$work/empty/$program";
}
ends("PATH=$work/empty $top/tools/setup", 1, qr/no Debian (?!.*chromium).* newlib-source/, 'setup elsewhere lists what is needed');
ends("PATH=$work/empty $top/tools/setup --tests", 1, qr/no Debian .* newlib-source .*chromium/, 'and what tests need');
unlink map { "$work/bin/$_" } qw(dpkg-query apt-get id sudo bochs qemu-system-x86_64);

# ---- check-includes ----
ends("$top/tools/check-includes", 0, qr/ 0 wrong includes\n$/, 'no include of this tree points up');
mkdir "$work/$_" for qw(tree tree/config tree/lib tree/mm tree/kernel tree/kernel/vmx tree/vmm);
file("tree/$_", '') for qw(config/abi.h lib/addr.h mm/buddy.h kernel/main.h kernel/vmx/vmcs.h);
file('tree/mm/buddy.c', qq(#include "mm/buddy.h"\n#include "lib/addr.h"\n#include <stdint.h>\n));
ends("$top/tools/check-includes tree", 0, qr/^6 sources, 0 wrong/, 'includes that point down');
file('tree/lib/up.c', qq(#include "lib/addr.h"\n#include "mm/buddy.h"\n));
file('tree/vmm/in.c', qq(#include "lib/addr.h"\n));
file('tree/mm/here.c', qq(#include "buddy.h"\n#  include "mm/none.h"\n));
file('tree/mm/up.asm', qq(%include "kernel/main.h"\n));
file('tree/kernel/private.c', qq(#include "kernel/vmx/vmcs.h"\n));
file('tree/kernel/vmx/own.c', qq(#include "kernel/vmx/vmcs.h"\n));
my (undef, $wrong) = run("$top/tools/check-includes tree");
is($wrong, <<'END', 'each include that is wrong is named');
kernel/private.c:1: "kernel/vmx/vmcs.h" is private to kernel/vmx
lib/up.c:2: "mm/buddy.h" points up: lib sees only config lib
mm/here.c:1: "buddy.h" is not written from the top of the tree
mm/here.c:2: "mm/none.h" is not written from the top of the tree
mm/up.asm:1: "kernel/main.h" points up: mm sees only config lib drivers mm
vmm/in.c:1: "lib/addr.h" points up: vmm sees only config vmm
12 sources, 6 wrong includes
END

# ---- run-tests ----
file("$_->[0].t", "#!/bin/sh\n$_->[1]\n", 0755) for
    ['good', 'echo 1..3; echo ok 1; echo ok 2 - b; echo "ok 3 # SKIP no"'],
    ['bad', 'echo 1..2; echo not ok 1 - a; echo ok 2; exit 1'],
    ['short', 'echo 1..2; echo ok 1'],
    ['dies', 'echo 1..1; echo ok 1; exit 7'],
    ['silent', 'exit 0'],
    ['hangs', 'echo 1..1; echo ok 1; sleep 60'];
ends("$top/tools/run-tests good.t", 0, qr/\n2 passed, 0 failed\n$/, 'run-tests counts');
ends("$top/tools/run-tests good.t bad.t", 1, qr/    not ok 1 - a\n.*\n3 passed, 1 failed\n$/s,
    'a failed test is shown');
ends("$top/tools/run-tests short.t", 1, qr/planned 2 .*\n1 passed, 1 failed\n$/s, 'a broken plan is a failure');
ends("$top/tools/run-tests dies.t", 1, qr/exit status 7\n1 passed, 1 failed\n$/, 'an exit status is a failure');
ends("$top/tools/run-tests silent.t none.t", 1, qr/\n0 passed, 2 failed\n$/, 'no plan, no program: failures');
ends("$top/tools/run-tests --timeout 1 hangs.t", 1, qr/no end after 1 s\n1 passed, 1 failed\n$/, 'no end is a failure');
my $hour_ago = time - 3600;
file('times', "set-up $hour_ago\nbuild " . ($hour_ago + 100) . "\n");
ends("$top/tools/run-tests --times times good.t bad.t", 1,
    qr/^where the time went:\n +100\.0 s  set-up\n +\d{4,}\.\d s  build\n +\d+\.\d s  tests, 2 at a time; the longest of 2:\n( +\d+\.\d s      \.?\/?(good|bad)\.t\n){2}3 passed, 1 failed\n$/m,
    'run-tests tells where the time went');
mkdir "$work/what failed";
file('what failed/old.t.log', 'old');
ends("$top/tools/run-tests --failed 'what failed' good.t bad.t dies.t", 1,
    qr/^what failed said: (what failed\/(bad|dies)\.t\.log ?){2}\n4 passed, 2 failed\n$/m, 'run-tests keeps what failed said');
ends("cd 'what failed' && ls && cat bad.t.log", 0, qr/^bad\.t\.log\ndies\.t\.log\n1\.\.2\nnot ok 1 - a\nok 2\n/, 'and only that');

# ---- repeat ----
ends("$top/tools/repeat x true", 2, qr/A number is wanted, not "x"/, 'repeat wants a number');
ends("$top/tools/repeat 3", 2, qr/no command/, 'and a command');
ends("$top/tools/repeat 3 echo hello", 0, qr/^(run \d of 3: status 0, \d+ ms\n){3}echo hello: 3 of 3 passed\n$/,
    'repeat counts, and is silent on what ends well');
ends("$top/tools/repeat 3 sh -c 'echo x >>count; echo bad; [ \$(wc -l <count) != 2 ]'", 1,
    qr/^run 1 of 3: status 0, .*\nrun 2 of 3: status 1, .*\nbad\nrun 3 of 3: status 0, .*\nsh .*: 2 of 3 passed\n$/,
    'repeat shows what a failed run said');

# ---- symbols ----
file('a.c', 'int first(void); int second(void); int first(void) { return 1; } int second(void) { return 2; }');
file('b.c', 'int first(void); int second(void); int first(void) { return 1; } int third; '
    . 'int second(void) { return third; }');
for (['a', 0], ['b', 0], ['a', 16]) {
    my ($name, $shift) = @$_;
    my $base = sprintf '0xffffffff80100%03x', $shift;
    my ($status, $text) = run("gcc -O1 -mcmodel=kernel -fno-pic -fcf-protection=none -c $name.c -o $name.o && "
        . "ld -e first -Ttext=$base -Tdata=0xffffffff80200000 $name.o -o $name$shift.elf");
    die $text if $status;
}
my (undef, $table) = run("$top/tools/symbols a0.elf");
my $offsets = qr/dd 0x80100000 - 0x80000000\n    dd 0x80100006 - 0x80000000\n/;
like($table, qr/symbol_count: dd 2\n.*$offsets.*dd 0\n    dd 6\n.*"first", 0\n.*"second", 0\n/s,
    'the table of symbols');
ends("$top/tools/symbols --compare a0.elf b0.elf", 0, qr/^$/, 'functions in place');
ends("$top/tools/symbols --compare a0.elf a16.elf", 1, qr/a16\.elf: its functions are not where/,
    'functions that moved');
ends("$top/tools/symbols none.elf", 1, qr/none\.elf: no such file/, 'symbols of no file');

done_testing;
