#!/usr/bin/perl
# A kernel that has gone wrong says what, where and how it came there, and ends the machine with a failure.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

my $registers = qr/^RAX [0-9a-f]{16}  RBX [0-9a-f]{16}  .*R15 [0-9a-f]{16}\nRIP [0-9a-f]{16}  RFLAGS [0-9a-f]+  CS 8 /ms;

sub trace
{
    my @functions = @_;
    my $lines = join '(?:  [0-9a-f]{16}  .*\n)*', map { "  [0-9a-f]{16}  $_\\+0x[0-9a-f]+\\n" } @functions;
    return qr/^back trace:\n(?:  [0-9a-f]{16}  .*\n)*?$lines/m;
}

# provoke=NAME, and what the panic must say.
my %errors = (
    panic => [qr/^Nestor panic: provoked, with number 42$/m, trace('provoke_panic', 'provoke', 'run')],
    undefined => [qr/^Nestor panic: #UD \(vector 6, error code 0\) in the kernel$/m, $registers,
        trace('provoke_undefined', 'run')],
    'write-to-text' => [qr/^Nestor panic: #PF \(vector 14, error code 3\) in the kernel$/m, $registers,
        qr/ CR2 ffffffff801[0-9a-f]{5} /, trace('provoke_write_to_text', 'run')],
    'execute-data' => [qr/^Nestor panic: #PF \(vector 14, error code 11\) in the kernel$/m, $registers,
        qr/^RIP (ffffffff801[0-9a-f]{5}) .* CR2 \1 /m, trace('run')],
    'stack-overflow' => [qr/^Nestor panic: #DF \(vector 8, error code 0\) in the kernel$/m, $registers,
        trace('provoke_stack_overflow\S*', 'provoke_stack_overflow\S*')],
);

for my $name (sort keys %errors) {
    my @patterns = (@{$errors{$name}}, qr/^(?!.*(no end after|another error|NESTOR BEGIN))/s);
    ends(qemu("--append provoke=$name"), $kernel_machine::NO_VERDICT, "QEMU: $name", @patterns);
    ends(bochs("--append provoke=$name"), $kernel_machine::NO_VERDICT, "Bochs: $name", @patterns);
}

done_testing;
