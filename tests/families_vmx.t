#!/usr/bin/perl
# The feature tests on VMX: in Bochs, as a Skylake-X and as a Tiger Lake.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use families;
use kernel_machine;

my $bochs = "$top/tools/run-bochs --debug-port";
families_agree('Bochs, Skylake-X (VMX)', $bochs, [1, 333, 0], [1, 1, 1], [4, 22, 0]);
families_agree('Bochs, Tiger Lake (VMX)', "$bochs --model tigerlake", [1, '', 0]);
done_testing();
