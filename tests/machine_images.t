#!/usr/bin/perl
# Guest images that are empty, cut, corrupt or made to hurt, all in one machine: each ends its own VM with the reason, and
# the VMs beside them finish. Likewise VMs with too little memory.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;
use ktap 'ktap_read';

# Guests of this build and the images made here, where `image = NAME` finds them.
$ENV{BUILD} = "$work/images";
mkdir $_ or die for "$work/images", "$work/images/guests";
symlink "$build/$_", "$work/images/$_" or die for qw(nestor.elf root.elf monitor.elf);
symlink $_, "$work/images/guests/" . s{.*/}{}r or die for glob "$build/guests/*.{elf,bin}";

my $good = get_file("$build/guests/hello64.elf");
my ($headers, $header_bytes, $header_count) = unpack 'x32 Q x14 S S', $good;
my @loads = grep { unpack('L', substr $good, $_) == 1 } map { $headers + $header_bytes * $_ } 0 .. $header_count - 1;
my ($offset, $size) = unpack 'x8 Q x16 Q', substr $good, $loads[0];

# The good image with a number of its header changed, or of its first segment's, at an offset, of a format of `pack`.
sub with
{
    my ($at, $format, $v) = @_;
    my $image = $good;
    substr($image, $at, length pack $format, $v) = pack $format, $v;
    return $image;
}

sub with_segment { my ($at, $format, $v) = @_; return with($loads[0] + $at, $format, $v) }

# A second program header for the first segment, behind the others.
sub with_overlap
{
    my $image = with(56, 'S', $header_count + 1);
    substr($image, $headers + $header_bytes * $header_count, $header_bytes) = substr $good, $loads[0], $header_bytes;
    return $image;
}

my $whole = length $good;
my $n = qr/0x[0-9a-f]+/;
my @images = (
    ['empty', '', qr/it is empty/],
    ['byte', 'x', qr/it is truncated: 1 bytes are no ELF header/],
    ['header', substr($good, 0, 63), qr/it is truncated: .*63/],
    ['headers', substr($good, 0, 64), qr/it is truncated: \d+ program headers at 0x40, the file has 0x40 bytes/],
    ['cut', substr($good, 0, $offset + $size - 1), qr/segment \d+: it is truncated: $n bytes at $n, the file has $n/],
    ['text', "hello\n" x 1000, qr/it is not an ELF file: it starts with 68 65 6C 6C/],
    ['zeros', "\0" x 5000, qr/it is not an ELF file: it starts with 00 00 00 00/],
    ['class', with(4, 'C', 3), qr/its ELF class is 3; expected 1 .* or 2/],
    ['endian', with(5, 'C', 2), qr/its byte order is 2; expected 1/],
    ['arm', with(18, 'S', 183), qr/its machine is 183; expected 62/],
    ['shared', with(16, 'S', 3), qr/its type is 3; expected 2/],
    ['none', with(56, 'S', 0), qr/it has no program headers/],
    ['many', with(56, 'S', 65535), qr/it has 65535 program headers; expected at most 32/],
    ['far', with(32, 'Q', ~0), qr/it is truncated: \d+ program headers at 0xffffffffffffffff/],
    ['unloaded', with_segment(0, 'L', 2), qr/it has no segment to load|its entry point $n is in no segment/],
    ['overlap', with_overlap(), qr/segment \d+: $n bytes at $n overlap segment \d+/],
    ['outside', with_segment(24, 'Q', 1 << 30), qr/segment \d+: $n bytes at 0x40000000 do not fit into 1024 KiB/],
    ['wraps', with_segment(24, 'Q', ~0 - 4095), qr/segment \d+: $n bytes at $n do not fit/],
    ['endless', with_segment(40, 'Q', ~0), qr/segment \d+: 0xffffffffffffffff bytes at $n do not fit/],
    ['shrinks', with_segment(40, 'Q', 1), qr/segment \d+: $n bytes in the file, but only 0x1 in memory/],
    ['entry', with(24, 'Q', 16), qr/its entry point 0x10 is in no segment/],
    ['flat-empty', '', qr/it is empty/, 'flat16'],
    ['flat-large', "\x90" x 40000, qr/0x9c40 bytes at 0x7c00 do not fit into 64 KiB/, 'flat16'],
);

# A section of a config.
sub vm
{
    my ($name, $image, @lines) = @_;
    return join '', map { "$_\n" } "[vm $name]", "image = $image", @lines;
}

my $others = vm('spin', 'spin.elf', 'background = yes') . vm('hello64', 'hello64.elf')
    . vm('hello16', 'hello16.bin', 'kind = flat16', 'output = 4\n', 'expect = halt') . vm('mem', 'mem.elf', 'memory = 2M');
my @others = qw(spin hello64 hello16 mem);
my @machines = (['QEMU', qemu()], ['QEMU, 4 CPUs', qemu('--cpus 4')], ['Bochs', bochs()]);

# The four others end as they should.
sub others_finish
{
    my ($name, $doc) = @_;
    is_deeply([map { $doc->{results}{$_}{ok} } @others], [(1) x @others], "$name: the others finish");
}

# ---- Bad images ----
put_file("$work/images/guests/$_->[0].img", $_->[1]) for @images;
put_file("$work/images.conf", $others . join '', map {
    vm($_->[0], "$_->[0].img", 'expect = bad-image', $_->[3] ? ("kind = $_->[3]", 'memory = 64K') : ()) } @images);
for (@machines) {
    my ($name, $command) = @$_;
    my ($doc, $text) = reports("$command --config $work/images.conf", 0, "$name: bad images end their VMs");
    my %said = $text =~ /^    # Subtest: (\S+)\n    1\.\.1\n    # bad-image: image \1\.img: (.*)$/mg;

    like($said{$_->[0]} // 'nothing', qr/^$_->[2]/, "$name: $_->[0]: the reason") for @images;
    others_finish($name, $doc);
}

# ---- Images with random bytes in their headers: whatever comes of it, it comes of that VM only ----
my $seed = $ENV{NESTOR_SEED} // time;
note("NESTOR_SEED=$seed");
srand $seed;
sub spoil
{
    my $image = $good;
    substr($image, int rand $headers + $header_bytes * $header_count, 1) = chr int rand 256 for 1 .. 1 + rand 4;
    return $image;
}
my @spoilt = map { "spoilt$_" } 1 .. 40;
put_file("$work/images/guests/$_.img", spoil()) for @spoilt;
# They may run for ever: the machine ends when the others are done, one of which sleeps for two seconds.
put_file("$work/spoilt.conf", $others . vm('clock', 'sleep.elf', 'args = 200 10') .
    join '', map { vm($_, "$_.img", 'background = yes') } @spoilt);
for (@machines) {
    my ($name, $command) = @$_;
    my ($got, $text) = run("$command --config $work/spoilt.conf");
    my $doc = ktap_read($text);

    ok($got < 2 && !@{$doc->{errors}} && @{$doc->{order}} == @others + 1 + @spoilt, "$name: a verdict on spoilt images, seed $seed")
        or diag("status $got", (map { "\n$_" } @{$doc->{errors}}), "\n$text");
    others_finish("$name, spoilt", $doc);
}

# ---- Too little memory: from a quota with which a VM can't be made to one that is enough ----
my @quotas = (16 .. 60);
put_file("$work/quotas.conf", $others . join '', map { vm("q$_", 'hello64.elf', "quota = $_", 'expect = no-memory') } @quotas);
for (@machines) {
    my ($name, $command) = @$_;
    my ($doc, $text) = reports("$command --config $work/quotas.conf", 1, "$name: quotas from $quotas[0] to $quotas[-1] pages");
    my ($stages, $wrong) = ('', '');

    for my $quota (@quotas) {
        my $row = $doc->{table}{"q$quota"};
        my ($why) = $text =~ /^    # Subtest: q$quota\n(?:    .*\n)*?    # (.*)\n/m;
        my $stage = $row->{end} eq 'exit 0' ? 'r' : $row->{end} eq 'no-memory' ? 'm'
            : ($why // '') =~ /^the kernel can't create it: / ? 'c' : '?';

        $stages .= $stage;
        $wrong .= "q$quota: $row->{end}, $row->{pages} pages, " . ($why // '') . "\n" if $stage eq '?' || $row->{pages} > $quota
            || $stage eq 'm' && $why !~ /^out of memory: it owned \d+ pages, its quota is $quota$/;
    }
    is($wrong, '', "$name: no VM owned more than its quota, and who wanted more is told so");
    like($stages, qr/^c*m+r+$/, "$name: can't be created (c), runs out of memory (m), runs (r): $stages");
    others_finish("$name, quotas", $doc);
}

done_testing;
