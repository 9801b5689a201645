#!/usr/bin/perl
# Machine descriptions with mistakes, through the real boot: each is told with file, line and what was expected, and no VM
# runs. And those that are well-formed, but don't fit the machine: the VM that can't begin fails, the others run.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

# This text is no machine; the lines are all that is said about it. Long lists of mistakes are tried in Bochs, too.
sub refused
{
    my ($text, $name, @lines) = @_;
    put_file("$work/bad.conf", $text);
    for my $command (qemu(), @lines > 5 ? bochs() : ()) {
        my ($doc, $all) = reports("$command --config $work/bad.conf", 1, "$name: refused", flat => 1);
        my @said = $doc->{before} =~ /^(?:bad\.conf:|\.\.\. )(.*)$/mg;

        is_deeply(\@said, \@lines, "$name: what is said") or diag($all);
        is_deeply([map { "$_->{name} $_->{ok}" } values %{$doc->{results}}], ['config '], "$name: no VM has run");
    }
}

my $vm = "[vm a]\nimage = hello64.elf\n";

# ---- Mistakes of the whole file ----
refused('', 'an empty file', '1: the file is empty; expected at least one section [vm NAME]');
refused("# nothing\n[machine]\n", 'no VM', '2: there is no VM; expected at least one section [vm NAME]');
refused("${vm}background = yes\n", 'nobody to wait for', '3: every VM is in the background; expected at least one to wait for');
refused("\x7fELF\0\1\2\n\0", 'no text', '1: the line holds a 0 byte; expected text', '2: the line holds a 0 byte; expected text',
    '2: there is no VM; expected at least one section [vm NAME]');
refused("${vm}x\n" . "y = 1\n" x 30, 'more mistakes than are told', '3: `x` is neither a [section] nor `key = value`',
    (map { "$_: `y` is not a key of [vm NAME]" } 4 .. 22), 'and 11 more');

# ---- Mistakes of a line ----
my @values = (
    ['memory = 12Q', 'memory: `12Q` is not a size; expected a number with K, M or G, a multiple of 4K'],
    ['memory = 33G', 'memory: given twice in this section'],
    ['quota = 15', 'quota: `15` is 15 pages; expected from 16 to 16777216'],
    ['vcpus = 17', 'vcpus: `17` is not accepted; expected a number from 1 to 16'],
    ['pin = 64', 'pin: `64` is not accepted; expected a number from 0 to 63'],
    ['timeslice = 9', 'timeslice: `9` is not accepted; expected a number from 10 to 1000000'],
    ['console = maybe', 'console: `maybe` is not accepted; expected yes or no'],
    ['kind = linux', 'kind: `linux` is not accepted; expected nestor or flat16'],
    ['lab = perhaps', 'lab: `perhaps` is not accepted; expected yes, no or full'],
    ['bad-hypercall = ignore', 'bad-hypercall: `ignore` is not accepted; expected error or kill'],
    ['output = a\q', 'output: `a\q` has an unknown escape; expected \n, \t or \\\\'],
    ['expect = exit', 'expect: `exit` is not an end; expected exit N, halt, triple-fault, hole, read-only, bad-hypercall, bad-image, bad-state, '
        . 'monitor-fault, no-memory, entry-failure, unhandled, running'],
    ['args = ' . 'y' x 512, 'args: `' . 'y' x 57 . '...` is 512 bytes long; expected at most 511'],
);
refused($vm . join('', map { "$_->[0]\n" } @values), 'values', map { $_ + 3 . ": $values[$_][1]" } 0 .. $#values);
refused(<<'END', 'sections and keys',
x = 1
[machine]
timeout = 0
image = hello64.elf
[machine]
[machine
[disk a]
[vm b c]
image = hello64.elf
[vm d]
kind
= 1
memry = 1M
colour = red
timeout = 1
image = hello64.elf
image = hello16.bin
[vm d]
image = hello64.elf
[vm e]
[vm f]
image =
[vm g]
image = hello64.elf
background = yes
expect = halt
END
    '1: `x` stands before any section; expected [machine] or [vm NAME] first',
    '3: timeout: `0` is not accepted; expected a number from 1 to 86400',
    '4: `image` is a key of [vm NAME], not of [machine]',
    '5: a second [machine] section; expected one',
    '6: `[machine` has no `]` at its end; expected [machine] or [vm NAME]',
    '7: `[disk a]` is not a section; expected [machine] or [vm NAME]',
    '8: `b c` is not a name for a VM; expected letters, digits, \'-\', \'_\' or \'.\'',
    '11: `kind` is neither a [section] nor `key = value`',
    '12: there is no key before `=`; expected `key = value`',
    '13: `memry` is not a key of [vm NAME]; did you mean `memory`?',
    '14: `colour` is not a key of [vm NAME]',
    '15: `timeout` is a key of [machine], not of [vm NAME]',
    '17: image: given twice in this section',
    '18: a second VM `d`; the first is in line 10',
    '20: [vm e] has no image; expected `image = MODULE`',
    '21: [vm f] has an empty image; expected the name of a module',
    '23: [vm g] is in the background, so it can\'t be expected to end with halt');

# ---- Which file it is ----
sub no_config
{
    my ($options, $name, @patterns) = @_;
    for my $command (qemu($options), bochs($options)) {
        my ($doc) = reports($command, 1, "$name: a failure", flat => 1);
        like($doc->{before}, $_, "$name: $_") for @patterns;
    }
}

no_config('--without one.conf', 'no config',
    qr/^No machine description: none of the boot modules has a name that ends in `\.conf`\.$/m,
    qr/^Boot module 0: root\.elf, \d+ bytes\nBoot module 1: monitor\.elf, \d+ bytes\nBoot module 2: hello64\.elf, /m);
no_config('--append config=other.conf', 'a config that is not there',
    qr/^No machine description: the command line says config=other\.conf, and no boot module has that name\.$/m,
    qr/^Boot module \d: one\.conf, \d+ bytes$/m);

# ---- What does not fit the machine ----
put_file("$work/unfit.conf", <<'END');
[vm before]
image = hello64.elf
[vm lost]
image = nowhere.elf
[vm pinned]
image = hello64.elf
pin = 7
[vm large]
image = hello64.elf
memory = 32G
quota = 2M
[vm after]
image = hello16.bin
kind = flat16
expect = halt
END
for my $command (qemu(), bochs()) {
    my ($tool) = $command =~ /(qemu|bochs)/;
    put_file("$work/nowhere.elf", 'x');
    my ($doc, $text) = reports("mkdir -p $work/$tool && $command --config $work/unfit.conf --without nowhere.elf", 1,
        "$tool: VMs that can't begin fail");
    my %ok = map { ($_ => $doc->{results}{$_}{ok} ? 'ok' : 'not ok') } @{$doc->{order}};

    is_deeply(\%ok, {before => 'ok', lost => 'not ok', pinned => 'not ok', large => 'ok', after => 'ok'},
        "$tool: and the others end well") or diag($text);
    like($text, qr/^    # there is no module `nowhere\.elf`\n    not ok 1 starts\nnot ok \d lost$/m, "$tool: a missing image");
    like($text, qr/^    # pin = 7, but the highest CPU in use is 0\n    not ok 1 starts\nnot ok \d pinned$/m,
        "$tool: a CPU that is not there");
    like($doc->{after}, qr/^3 of 5 VMs did what they were meant to do\.\nNot so: lost\nNot so: pinned\n/,
        "$tool: the last lines name them");
}

done_testing;
