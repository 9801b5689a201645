#!/usr/bin/perl
# The passport of each emulator: in full, at most 60 lines of 120 columns, the same id each time, and like its profile; and
# tools/passport, which finds out what is special about a machine.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

my $full = "$top/tests/data/boot/passport.conf";
my $tool = "$top/tools/passport";

sub id { return $_[0] =~ /^Passport    (nestor-[0-9a-f]{8})$/m ? $1 : 'none' }

# ---- What is printed ----
my %id;
for (
    ['bochs-skylake-x', bochs("--config $full"), qr/^PIN +481H=0000007f00000016 48DH=0000007f00000016 EXTERNAL_INTERRUPT NMI VIRTUAL_NMIS /m,
        qr/^FEATURE_CONTROL 3AH=0000000000000005 LOCK VMX_OUTSIDE_SMX$/m, qr/^CPUID +GenuineIntel family=6 model=85 stepping=4 microcode=0 /m],
    ['bochs-tigerlake', bochs("--config $full --model tigerlake --cpus 2"), qr/^EPT +48CH=00000f0106b34141 .* 2M 1G .*\n +SUPERVISOR_SHADOW_STACK /m],
    ['bochs-ryzen', bochs("--config $full --model ryzen"), qr/^SVM +8000000AH\.EDX=0000044f NESTED_PAGING .* NRIP_SAVE /m],
    ['tcg-max', qemu("--config $full"), qr/^SVM_ASIDS +8000000AH\.EBX=00000010 count=16$/m, qr/ microcode=1000065 /],
) {
    my ($name, $command, @patterns) = @$_;
    my ($doc, $text) = reports($command, 0, "$name: runs");
    my ($passport) = $text =~ /^(Machine .*?)^Config /ms;
    my @lines = split /\n/, $passport // '';
    ok(@lines > 6 && @lines < 60, "$name: less than 60 lines") or diag($text);
    is_deeply([grep { length > 120 } @lines], [], "$name: of at most 120 columns");
    is_deeply([grep { $text !~ $_ } @patterns], [], "$name: registers by name") or diag($text);
    like($text, qr/^# passport: like $name\nConfig /m, "$name: it knows itself");
    put_file("$work/$name.log", $text);
    $id{$name} = id($text);
}
is(scalar(keys %{{map { $_ => 1 } values %id}}), 4, 'each machine has an id of its own') or diag(explain(\%id));

# The same machine with other memory, CPUs and command line, and the short form.
my ($status, $text) = run(qemu('--memory 256 --cpus 2 --append counters=yes'));
is(id($text), $id{'tcg-max'}, 'more CPUs and less memory do not change the id');
unlike($text, qr/^CPUID  /m, 'the short form has no registers');
like($text, qr/^Passport .*\n# passport: like tcg-max\nConfig /m, 'but what it is like');
ends(qemu("--config $full --append passport=short"), 0, 'the command line counts more', qr/^Passport .*\n# passport: like tcg-max\nConfig /m);
ends(qemu('--append passport=long'), 0, 'a wrong word there is told', qr/^passport= on the command line: `long` is not accepted; expected short or full$/m);

# ---- What the tool makes of it ----
sub tells { ends("$tool $_[0]", @_[1 .. $#_]) }

my $log = get_file("$work/bochs-skylake-x.log");
put_file("$work/less.log", $log =~ s/ 2M 1G / 2M /r =~ s/ EPT_VIOLATION_VE\b//r =~ s/timer-shift=0/timer-shift=5/r =~ s/NE! WP/NE WP/r);
tells("$work/less.log", 1, 'what is missing, and other numbers',
    qr/\A# passport: differs from bochs-skylake-x: PROC2 without EPT_VIOLATION_VE; MISC timer-shift=5 instead of 0; EPT without\n# passport:   1G; CR0 NE need not be 1\n\z/);
put_file("$work/more.log", $log =~ s/^FUNCTION .*\n//mr =~ s/ UC / UC bit-10 /r =~ s/3AH=0000000000000005/3AH=0000000000000105/r);
tells("$work/more.log", 1, 'what is new, gone, or has no name',
    qr/\A# passport: differs from bochs-skylake-x: FEATURE_CONTROL 3AH=0000000000000105 instead of 0000000000000005; EPT also\n# passport:   bit-10; FUNCTION missing\n\z/);
put_file("$work/two.log", $log . get_file("$work/bochs-ryzen.log"));
tells("$work/two.log", 0, 'of two boots, the last counts', qr/\A# passport: like bochs-ryzen\n\z/);
tells("- <$work/tcg-max.log", 0, 'standard input', qr/\A# passport: like tcg-max\n\z/);
put_file("$work/times.log", get_file("$work/tcg-max.log") =~ s/^/[2026-11-21 20:00:00.123] /mgr);
tells("$work/times.log", 0, 'a logger that adds times', qr/\A# passport: like tcg-max\n\z/);
tells("--profile kvm-intel $work/bochs-skylake-x.log", 1, 'a profile by name', qr/Hypervisor none that .* instead of KVM; BASIC/);
tells("--profile tcg-max $work/bochs-skylake-x.log", 1, 'the other back end', qr/; Back end VMX instead of(\n# passport:  )? SVM\n\z/);
tells("--write $work/own.conf $work/less.log", 0, 'writes a profile', qr/own\.conf: the passport \Q$id{'bochs-skylake-x'}\E$/);
tells("--profile $work/own.conf $work/less.log", 0, 'which the machine is like', qr/\A# passport: like own\n\z/);
tells("--list $work/bochs-ryzen.log", 0, 'all profiles', qr/\Abochs-ryzen +0\n(?:[a-z-]+ +\d+\n){5}\z/);
for (glob "$top/config/profiles/*.conf") {
    my ($name) = m{([^/]*)\.conf$};
    tells("--profile $name $work/tcg-max.log", $name eq 'tcg-max' ? 0 : 1, "profile $name can be read", qr/\A# passport: /);
}

# ---- The machine itself, in the same words ----
sub paragraph { return join '', $_[0] =~ /^(# passport: .*\n)/mg }

for (['bochs-skylake-x', 'kvm-intel', \&bochs], ['bochs-skylake-x', 'bare-skylake', \&bochs], ['tcg-max', 'bochs-ryzen', \&qemu]) {
    my ($machine, $profile, $boot) = @$_;
    my (undef, $said) = run($boot->("--append profile=$profile"));
    my (undef, $tool) = run("$tool --profile $profile $work/$machine.log");
    is(paragraph($said), $tool, "$machine tells how it differs from $profile as the tool does");
}
my $own = 'our.conf';
put_file("$work/$own", get_file($config) =~ s/^\[vm /[machine]\nprofile = kvm-intel\n[vm /mr);
ends("$top/tools/run-qemu --tcg --config $work/$own", 0, 'a profile that the config names',
    qr/^# passport: differs from kvm-intel: Hypervisor QEMU TCG instead of KVM; Back end SVM instead of VMX\nConfig /m);
ends(qemu('--append profile=nobody'), 0, 'no profile of that name',
    qr/^# passport: nobody: no such profile; there are: bare-skylake bochs-ryzen .*\n# passport:   tcg-max\nConfig /m);
(undef, $text) = run(qemu('--without profiles --append profile=nobody'));
like($text, qr/^Passport .*\nConfig .*^NESTOR END pass$/ms, 'without profiles: nothing is said');

# A lab's own: a machine that a profile of its own fits better, and mistakes.
sub with_profiles
{
    put_file("$work/profiles", $_[0]);
    my $modules = join ',', "$build/root.elf", "$build/monitor.elf", $config, "$build/guests/hello64.elf", "$work/profiles";
    return 'timeout 120 qemu-system-x86_64 -accel tcg -cpu max -m 256 -nic none -display none -serial stdio -monitor none -no-reboot '
        . "-device isa-debug-exit,iobase=0xf4,iosize=4 -kernel $build/nestor.elf -append passport=full -initrd $modules";
}
ends(with_profiles("[file far.conf]\nBack end = VMX\n[file our.conf]\nBack end = SVM\nSVM_ASIDS = count=20\nSVM = GMET\n"), 1,
    'the nearest of others', qr/^# passport: differs from our: SVM_ASIDS count=16 instead of 20; SVM without GMET, also NESTED_PAGING /m);
ends(with_profiles("[file our.conf]\nBack end = SVM\nwhat\n[file far.conf]\nHypervisor = KVM\n"), 1, 'a mistake costs that profile',
    qr/^# passport: our\.conf:2: expected `key = words`, not what\n# passport: differs from far: Hypervisor QEMU TCG instead of KVM\nConfig /m,
    qr/^NESTOR END pass$/m);
my (undef, $far) = run(with_profiles("[file our.conf]\nBack end = SVM\n" . join '', map { "A_KEY_THAT_NO_PASSPORT_HAS_$_ = x\n" } 1 .. 30));
like(paragraph($far) =~ s/\n# passport:  //gr, qr/^# passport: differs from our: (\w+ missing; ){23}and 7 more, which tools\/passport tells of a log$/,
    'not all is told of one that is very different');
cmp_ok(scalar(() = paragraph($far) =~ /\n/g), '<=', 12, 'in at most 12 lines');

# ---- Bad input ----
my ($short) = run(qemu("--log $work/short.log"));
tells("$work/short.log", 2, 'only the short form', qr/passport: .*short\.log: no passport in full: boot with passport=full/);
tells("$work/none.log", 2, 'no log', qr/none\.log: No such file/);
tells("--profile nobody $work/tcg-max.log", 2, 'no such profile', qr/nobody: no such profile; there are: bare-skylake /);
put_file("$work/bad.conf", "CPU = a\nwhat\n");
tells("--profile $work/bad.conf $work/tcg-max.log", 2, 'a profile with a line that is none', qr/bad\.conf:2: expected `key = words`, not `what`/);
put_file("$work/bad.conf", "CPU = a\nCPU = b\n");
tells("--profile $work/bad.conf $work/tcg-max.log", 2, 'a key twice', qr/bad\.conf:2: a second CPU/);
run("mkdir 'a b' && cp -r $top/tools $top/config 'a b'");
ends("'a b/tools/passport' $work/tcg-max.log", 0, 'a checkout with a blank in its name', qr/\A# passport: like tcg-max\n\z/);
tells('', 2, 'no LOG', qr/one LOG is wanted/);
tells('--help', 0, '--help', qr/\Ausage: tools\/passport /);
ends("make -C $top profile NAME=../x LOG=$work/tcg-max.log", 2, 'make profile wants a plain name', qr/NAME wants a-z, 0-9 and -/);
ends("make -C $top profile NAME=x", 2, 'and a log', qr/LOG wants the log of a machine$/m);

done_testing;
