#!/usr/bin/perl
# The feature tests on VMX: in Bochs, as a Skylake-X and as a Tiger Lake.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use families;
use kernel_machine;

families_agree('Bochs, Skylake-X (VMX)', "$top/tools/run-bochs",
    [1, '', 0], [4, '', 0], [1, '', 1], [1, 1, 0], [1, 22, 0], [4, 333, 0]);
families_agree('Bochs, Tiger Lake (VMX)', "$top/tools/run-bochs --model tigerlake", [1, '', 0]);
done_testing();
