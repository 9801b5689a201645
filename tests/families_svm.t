#!/usr/bin/perl
# The feature tests on SVM: in QEMU's TCG, and in Bochs as a Ryzen.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use families;
use kernel_machine;

families_agree('QEMU TCG (SVM)', "$top/tools/run-qemu --tcg",
    [1, '', 0], [4, '', 0], [1, '', 1], [1, 1, 0], [1, 22, 0], [4, 333, 0]);
families_agree('Bochs, Ryzen (SVM)', "$top/tools/run-bochs --debug-port --model ryzen", [1, '', 0]);
done_testing();
