#!/usr/bin/perl
# VMs that are saved, and go on: in the same run, in a later boot, and on the other make of CPU. And files that are bad, each
# with its reason, which end only the VM that should go on from them.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Compress::Raw::Zlib 'crc32';
use Test::More;
use kernel_machine;

my $data = "$top/tests/data/state";
my %machines = (QEMU => "$top/tools/run-qemu --tcg --timeout 150", Bochs => "$top/tools/run-bochs --timeout 150");
my @vms = qw(canary canary-2 sleep smp spin);
my @well = (qr/^NESTOR END pass$/m, map { qr/^ok \d \Q$_\E$/m } @vms);

# ---- In the same run; in a later boot ------------------------------------------------------------------------------

for my $cpus (1, 4) {
    for my $where (sort keys %machines) {
        my $run = "$machines{$where} --cpus $cpus --states $work/$where-$cpus";
        ends("$run --config $top/config/save.conf", 0, "$where, $cpus CPUs: guests go on from a copy in the same run", @well,
            map { (qr/^# saved: \Q$_\E, \d+ KiB$/m, qr/^    ok \d+ is saved after \d+ ms, and goes on from that$/m) } @vms);
        is_deeply([grep { !-s "$work/$where-$cpus/$_.state" } @vms], [], "$where, $cpus CPUs: they are sent out");
        ends("$run --config $top/config/saved.conf", 0, "$where, $cpus CPUs: they go on in a later boot", @well);
    }
}
ends("$machines{QEMU} --states $work/Bochs-4 --config $top/config/saved.conf", 0, 'what ran with VMX goes on with SVM', @well);
# Not the sleeper: its deadlines are those of a TSC fifty times as fast.
(my $awake = get_file("$top/config/saved.conf")) =~ s/^# In HLT.*?(?=^# Three)//ms;
put_file("$work/awake.conf", $awake);
ends("$machines{Bochs} --states $work/QEMU-1 --config $work/awake.conf", 0, 'what ran with SVM goes on with VMX',
    grep { !/sleep/ } @well);

# ---- Again and again -----------------------------------------------------------------------------------------------

# By then the TSC of a guest has an offset.
(my $again = get_file("$top/config/saved.conf")) =~ s/^state = (?:canary|sleep)\..*/$&\nsave = 40/mg;
put_file("$work/again.conf", $again);
for my $run ("$machines{QEMU} --states $work/QEMU-4", "$machines{Bochs} --states $work/Bochs-1") {
    ends("$run --config $work/again.conf", 0, 'guests that went on are saved again', @well,
        map { qr/^# saved: \Q$_\E, \d+ KiB$/m } qw(canary sleep));
    ends("$run --config $top/config/saved.conf", 0, 'and go on again', @well);
}

for (sort keys %machines) {
    ends("$machines{$_} --config $data/cycles.conf", 0, "$_: 30 lives, each in two halves, leave all memory free",
        qr/^    ok \d+ runs 30 times$/m, qr/^# saved: canary, \d+ KiB; no debug port to send them to$/m,
        qr/^# (\d+) KiB were free after the first runs, \1 KiB after the last$/m);
}

# ---- Bad files -----------------------------------------------------------------------------------------------------

# A file in which the first record of a kind is changed, by a function of its header and payload; and the sum is right.
sub changed
{
    my ($kind, $change) = @_;
    my ($bytes, $out) = (get_file("$work/QEMU-1/canary.state"), '');
    while (length $bytes) {
        my ($name, $size) = unpack 'a4 x4 Q<', $bytes;
        my $record = substr $bytes, 0, 16 + $size, '';
        last if $name eq 'DONE';
        if ($name eq $kind) {
            $record = $change->($record);
            $kind = '';
        }
        $out .= $record;
    }
    return $out . pack 'a4 v v Q< V V', 'DONE', 1, 0, 8, crc32($out), 0;
}

# Changes the value of an item of a vCPU's section.
sub item
{
    my ($number, $value) = @_;
    return sub {
        my ($record) = @_;
        for (my $at = 24; $at < length $record; $at += 16) {
            substr($record, $at + 8, 8) = pack 'Q<', $value if unpack('Q<', substr $record, $at, 8) == $number;
        }
        return $record;
    };
}

my $whole = get_file("$work/QEMU-1/canary.state");
my $flipped = $whole;
substr($flipped, length($whole) / 2, 1) ^= "\1";
my @bad = (
    # name, file, what is said, how it ends, more keys
    ['unknown', changed('UART', sub { $_[0] =~ s/^..../XYZW/sr }), 'record XYZW version 1: this Nestor knows no such record'],
    ['newer', changed('MSRS', sub { $_[0] =~ s/^MSRS../MSRS\x03\x00/sr }), 'record MSRS version 3: this Nestor knows up to 1'],
    ['item', changed('CTRL', sub { substr($_[0], 24, 1) = "\7"; $_[0] }), 'record CTRL of vCPU 0: there is no item 0x7'],
    ['truncated', substr($whole, 0, 5000), 'it is truncated: 5000 bytes, and no record DONE at its end'],
    ['flipped', $flipped, 'its checksum is not that of its bytes: it has changed since it was saved'],
    ['text', "hello\n" x 20, 'it is no saved VM: it does not begin with a record NEST'],
    ['memory', $whole, 'it has 1024 KiB of memory, the VM 512 KiB', 'memory = 512K'],
    ['vcpus', $whole, 'it has 1 vCPUs, the VM 2', 'vcpus = 2'],
    ['kind', $whole, 'it is a guest of another kind than the VM\'s', 'kind = flat16'],
    ['mxcsr', changed('FPUS', item(3, 0xffffffff)), 'vCPU 0 can\'t have this FPU state: an argument out of range'],
    ['dr6', changed('DBGR', item(6, 1 << 40)), 'vCPU 0 can\'t have this DR6: '],
    ['activity', changed('EVNT', sub { pack('a4 v v Q< V V Q< Q<', 'EVNT', 1, 0, 24, 0, 0, 5, 2) }),
        'vCPU 0 can\'t have this activity state: an argument out of range'],
);
# A canary that is saved while it waits for its timer always has these two sections; else they are put in.
for (@bad) {
    next unless $_->[0] =~ /activity/ && $_->[1] !~ /EVNT/;
    $_->[1] = changed('GPRS', sub { $_[0] . pack('a4 v v Q< V V Q< Q<', 'EVNT', 1, 0, 24, 0, 0, 5, 2) });
}

mkdir "$work/bad" or die;
my $conf = "[machine]\ntimeout = 60\nscreen = log\n\n[vm hello64]\nimage = hello64.elf\n\n";
for (@bad) {
    my ($name, $bytes, undef, @keys) = @$_;
    put_file("$work/bad/$name.state", $bytes);
    $conf .= join "\n", "[vm $name]", "state = $name.state", 'expect = bad-state', @keys, '', '';
}
put_file("$work/bad/good.state", $whole);
put_file("$work/bad.conf", "$conf\[vm good]\nstate = good.state\n");
for my $where (sort keys %machines) {
    # SVM has DR6 in the VMCB, for the CPU to look at.
    my @here = grep { $where eq 'Bochs' || $_->[0] ne 'dr6' } @bad;
    my ($status, $text) = run("$machines{$where} --states $work/bad --config $work/bad.conf");
    like($text, qr/^    # \Qbad-state: state $_->[0].state: $_->[2]\E/m, "$where: $_->[0] is told") for @here;
    like($text, qr/^ok \d+ $_$/m, "$where: $_ is not hurt by that") for 'hello64', 'good';
}

# ---- The config ----------------------------------------------------------------------------------------------------

sub config_says
{
    my ($text, $expected) = @_;
    put_file("$work/c.conf", $text);
    is((run("$build/check-config $work/c.conf"))[1], "c.conf:$expected\n", $expected);
}

my $two = "[vm b]\nimage = hello64.elf\n";
config_says("[vm a]\nimage = x\nstate = y\n", '1: [vm a] has an image and a state; expected one of them');
config_says("[vm a]\nstate =\n", '1: [vm a] has an empty state; expected the name of a module');
config_says("[vm a]\nimage = x\nlab = yes\nsave = 10\n",
    '1: [vm a] is a lab, and what a lab has set is not saved; expected no `save` and no `state`');
config_says("[machine]\nqueue = a -> b\n[vm a]\nimage = x\nsave = 10\n$two",
    '2: queue: VM `a` has `save` or `state`, and channels are not saved; expected one without them');
put_file("$work/c.conf", "[machine]\ntimeout = 20\n[vm a]\nstate = none.state\n");
ends("$machines{QEMU} --without none.state --config $work/c.conf", 1, 'a state that is no module',
    qr/^    # there is no module `none.state`$/m);
done_testing();
