#!/usr/bin/perl
# The pages that tools/report and tools/compare make, as a browser shows them, and the matrix as text.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use kernel_machine;

my $data = "$top/tests/data/results";
my $browser = 'chromium-headless-shell --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars ' .
    "--user-data-dir=$work/browser --window-size=1180,1600";

# The page as it is once its script has run: markup, and the same as text.
sub look
{
    my ($page, $name) = @_;
    my ($status, $dom) = run("timeout 60 $browser --dump-dom 'file://$work/$page' 2>browser.log");
    my ($tag) = $dom =~ /(<html[^>]*>)/;
    ok($status == 0 && ($tag // '') =~ /data-ready="yes"/ && $tag !~ /data-error/, "$name: its script runs without a mistake")
        or diag($status, $tag // '', get_file("$work/browser.log"));
    (my $text = $dom) =~ s{<(?:style|script)>.*?</(?:style|script)>}{}gs;
    $text =~ s/<[^>]*>/ /g;
    return ($dom, $text =~ s/\s+/ /gr);
}

sub make_page
{
    my ($command, $status, $name) = @_;
    my ($got, $said) = run("$command >page.html");
    is($got, $status, "$name: a page") or diag($said);
    my $page = get_file("$work/page.html");
    my @outside = $page =~ /(?:src|href)="(?!data:)[^"]*"|url\([^)]*\)|\@import/g;
    is_deeply(\@outside, [], "$name: needs nothing from outside");
    return $page;
}

sub section { my ($dom, $id) = @_; my ($text) = $dom =~ m{<section[^>]* id="$id">(.*?)</section>}s; return $text // '' }

# ---- A run that is well -------------------------------------------------------------------------------------------

make_page("$top/tools/report --title 'Nightly <1>' $data/xfail.log", 0, 'pass');
my ($dom, $text) = look('page.html', 'pass');
like(section($dom, 'verdict'), qr{<div class="verdict">PASS</div>}, 'pass: the verdict');
like($text, qr/Nightly &lt;1&gt; PASS QEMU TCG SVM x\.conf, feature tests: 7 VMs 40 passed 2 skipped 18 known differences 0 failed/,
    'pass: the title, the platform and the counts');
is(section($dom, 'failures'), '', 'pass: nothing failed');
like($text, qr/Back end SVM Features nested paging, virtual GIF, 16 ASIDs/, 'pass: the passport');
is(() = $dom =~ /<tr data-v=/g, 60, 'pass: each row is there once');
like($text, qr/60 of 60 rows/, 'pass: and counted');
like(section($dom, 'differences'), qr{<b>ICEBP is #UD</b><br>F1H is #DB.*?4 rows}s, 'pass: a known difference, with its reason');

($dom, $text) = look('page.html#q=icebp&v=xfail', 'search');
like($text, qr/ 4 of 60 rows/, 'search: what is looked for');
is(() = $dom =~ /<tr data-v="[a-z]+">/g, 4, 'search: is shown');
is(() = $dom =~ /<details class="family" open=""/g, 1, 'search: in its family');

my ($status, $said) = run("timeout 60 $browser --screenshot=$work/page.png file://$work/page.html");
my ($magic, $width, $height) = -f "$work/page.png" ? unpack 'a8 x8 N N', get_file("$work/page.png") : ('', 0, 0);
ok($status == 0 && $magic eq "\x89PNG\r\n\x1a\n" && $width == 1180 && $height == 1600, 'a screenshot') or diag($said);
cmp_ok(-s "$work/page.png", '>', 40000, 'has something on it');

# ---- One that is not, and one that died ---------------------------------------------------------------------------

make_page("$top/tools/report $data/fail.log", 0, 'fail');
($dom, $text) = look('page.html', 'fail');
like($text, qr/ FAIL .* 22 passed 2 skipped 21 failed/, 'fail: the verdict and the counts');
like(section($dom, 'failures'), qr{self: any.fail.no.exit</td>.*?expected VMEXIT_HLT; saw no exit}s,
    'fail: what failed, and why');
like(section($dom, 'failures'), qr{What hello16 printed</summary><pre>4}, 'fail: what the VM printed');
ok(index($dom, 'id="failures"') < index($dom, 'id="families"'), 'fail: failures come first');

make_page("$top/tools/report $data/panic.log", 0, 'panic');
($dom, $text) = look('page.html', 'panic');
like($text, qr/NO VERDICT/, 'panic: there is no verdict');
like($text, qr/Nestor panic: #UD .*? 0 of 7 VMs had ended\. The test that began last is svm.vmrun.unchanged.cr4-pae/,
    'panic: the panic, and the killer');
like($text, qr/provoke_undefined\+0x0/, 'panic: the end of the log');

# ---- Several, with a timeline and costs ---------------------------------------------------------------------------

my $log = "$work/four.log";
run("$top/tools/run-qemu --tcg --cpus 2 --timeout 120 --config $top/tests/data/trace/four.conf --log $log");
(my $costs = get_file("$data/pass.log")) =~ s/^(# VM  )/# cost: unit ticks\n# cost: cpuid 1200 1250 31.2\n# cost: hypercall 990 1001 25.0\n$1/m;
put_file("$work/costs.log", $costs);
put_file("$work/bench.json", '[{"backend": "vmx", "event": "cpuid", "vms": 1, "n": 100, "min": 103, "median": 104}]');
make_page("$top/tools/report --bench bench.json $log costs.log $data/truncated.log", 0, 'three');
($dom, $text) = look('page.html', 'three');
like($text, qr/NO VERDICT 3 platforms 1 without a verdict, 2 pass/, 'three: the worst verdict counts');
like($text, qr/QEMU TCG SVM \(four\).*QEMU TCG SVM \(costs\).*QEMU TCG SVM \(truncated\)/, 'three: each has a name of its own');
my $timeline = section($dom, 'timeline');
for my $vm (qw(hello64 sleep compute spin)) {
    like($timeline, qr{<text[^>]*>$vm</text>\n(?:<rect [^>]*>(?:</rect>)?\n)+}, "three: the timeline shows when $vm ran");
}
like($timeline, qr{class="f0".*class="f1"}s, 'three: on both pCPUs');
like(section($dom, 'costs'), qr{<title>QEMU TCG SVM \(costs\), ticks: 1,250</title>.*1,250 \(31\.2\).*<title>VMX: 104</title>}s, 'three: the costs');
ends("$top/tools/report $data/pass.log $data/other.txt >page.html", 1, 'a file that is no log', qr/other\.txt: no log of Nestor's/);
like((look('page.html', 'the rest'))[1], qr/ PASS QEMU TCG SVM /, 'is left out');
ends("$top/tools/report $data/other.txt", 2, 'report: nothing but such files', qr/^report: .*other\.txt/m);

# ---- Side by side -------------------------------------------------------------------------------------------------

(my $other = get_file("$data/xfail.log")) =~ s/QEMU TCG/KVM/g;
$other =~ s/not (ok \d+ svm\.insn\.icebp\S+) # XFAIL.*/$1/g;
$other =~ s/ok (\d+ any\.cpuid\.user)$/not ok $1 # cpuid.c:7: x is 1, expected 2/m;
$other =~ s/NESTOR END pass/NESTOR END fail/;
put_file("$work/kvm.log", $other);
($status, $text) = run("$top/tools/compare $data/xfail.log kvm.log");
is($status, 1, 'compare: some rows differ') or diag($text);
like($text, qr/^A +QEMU TCG SVM +PASS .*\nB +KVM SVM +FAIL /, 'compare: the platforms');
like($text, qr/^row +A +B *\n/m, 'compare: the columns');
like($text, qr/^any\.cpuid\.user +pass +fail$/m, 'compare: a row');
like($text, qr/^svm\.insn\.\* \(3 of 3\) +known +pass$/m, 'compare: rows of one stem');
like($text, qr/^5 of 60 rows differ; 0 more of one platform only\.$/m, 'compare: the sum');
unlike($text, qr/cpuid\.leaf/, 'compare: what is alike is left out');
($status, $text) = run("$top/tools/compare --all $data/xfail.log kvm.log");
is(() = $text =~ /^\S+(?:: .*?)?  +\S+ +\S+$/mg, 61, 'compare --all: each row, below the columns') or diag($text);
($status, $text) = run("$top/tools/compare $data/xfail.log $data/truncated.log");
like($text, qr/^B .* NO VERDICT +the log ends in the middle/m, 'compare: one that died');
like($text, qr/^svm\.event\.cleared\.gp +pass +died$/m, 'compare: where');
like($text, qr/^svm_event: ends with exit 0 +pass +-$/m, 'compare: what it did not come to');
is((run("$top/tools/compare $data/xfail.log $data/xfail.log"))[0], 0, 'compare: nothing differs');
ends("$top/tools/compare $data/xfail.log", 2, 'compare: one log', qr/^compare: two logs at least/m);
ends("$top/tools/compare $data/xfail.log $data/other.txt", 2, 'compare: no log', qr/^compare: .*other\.txt/m);
make_page("$top/tools/compare --html $data/xfail.log kvm.log", 1, 'compare --html');
($dom, $text) = look('page.html', 'compare --html');
like($text, qr/5 of 60 rows differ/, 'compare --html: the sum');
my ($row) = section($dom, 'matrix') =~ m{(<tr[^>]*><td class="id">any\.cpuid\.user</td>.*?</tr>)};
like($row, qr{<span class="b pass">pass</span>.*<span class="b fail">fail</span>.*KVM SVM:</span> cpuid.c:7},
    'compare --html: a row, and who says why');

# ---- The targets --------------------------------------------------------------------------------------------------

delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL)};
my $make = "make -s --no-print-directory -C $top BUILD=$work/none";
ends("$make report", 2, 'make report: no logs', qr/^No logs in .*make report LOGS=/m);
ends("$make report LOGS='$data/pass.log $data/other.txt'", 0, 'make report', qr{other\.txt: no log.*^Open $work/none/report\.html$}ms);
like((look('none/report.html', 'make report'))[1], qr/ PASS QEMU TCG SVM /, 'make report: the page');
ends("$make compare LOGS='$data/xfail.log kvm.log'", 2, 'make compare: no such file', qr{^compare: kvm\.log: No such file}m);
ends("$make compare LOGS='$data/xfail.log $work/kvm.log'", 0, 'make compare', qr/^5 of 60 rows differ/m);

ends("$top/tools/compare --help", 0, 'compare --help', qr/^usage: tools\/compare/m);
done_testing();
