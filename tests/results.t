#!/usr/bin/perl
# What becomes of a log for others to read, JUnit XML and KCIDB: of recorded logs, good and bad, and of a machine's that
# runs now.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use Test::More;
use kernel_machine;

my $data = "$top/tests/data/results";
my $commit = '0123456789abcdef0123456789abcdef01234567';

# The number of matches in a text.
sub count { my ($text, $pattern) = @_; my $n = () = $text =~ /$pattern/g; return $n }

# The one line of XML or report that has a name in it.
sub line_of { my ($text, $name) = @_; my ($line) = $text =~ /^(.*\Q$name\E.*)$/m; return $line // '' }

# ---- JUnit --------------------------------------------------------------------------------------------------------

sub junit
{
    my ($log, $name) = @_;
    my ($status, $text) = run("$top/tools/junit $log >junit.xml");
    my ($valid, $complaints) = run("xmllint --noout --schema $data/junit.xsd junit.xml");
    ok($status == 0 && $valid == 0, "$name: JUnit XML is as its schema says") or diag("$status: $text$complaints");
    return (get_file("$work/junit.xml"), $text);
}

my ($xml) = junit("$data/pass.log", 'pass');
like($xml, qr/^<testsuites name="Nestor on QEMU TCG SVM" tests="3" failures="0" errors="0">$/m, 'pass: the sums');
like($xml, qr{<testcase classname="QEMU-TCG-SVM.hello16" name="prints &quot;4\\n&quot;"/>}, 'pass: a row');
like($xml, qr{<testsuite name="hello16" .* time="0\.\d{3}">}, 'pass: the time of a VM');
like($xml, qr{<property name="Back end" value="SVM"/>}, 'pass: the passport');

($xml) = junit("$data/fail.log", 'fail');
like($xml, qr/^<testsuites [^>]* tests="46" failures="13" errors="9">$/m, 'fail: the sums');
like($xml, qr{name="any.fail.no.exit">\n +<failure type="nestor.fail" message="self.c:248: expected VMEXIT_HLT; saw no exit"/>},
    'fail: a failure says why');
like($xml, qr{name="any.error.hole">\n +<error type="nestor.error" message="it would have ended}, 'fail: an error');
like($xml, qr{name="any.timeout">\n +<failure type="nestor.timeout" message="nothing more}, 'fail: a timeout');
like($xml, qr{name="any.skip">\n +<skipped type="nestor.skip" message="because it says so"/>}, 'fail: a row that is skipped');
like($xml, qr{<failure type="nestor.fail" message="it printed 2 bytes: &quot;4\\n&quot;">}, 'fail: diagnostics');
like($xml, qr{name="verdict">\n +<failure }, 'fail: and the machine as a whole');

($xml) = junit("$data/xfail.log", 'xfail');
like($xml, qr/^<testsuites [^>]* failures="0" errors="0">$/m, 'xfail: does not fail the run');
like($xml, qr{name="svm.insn.icebp-on">\n +<skipped type="nestor.xfail" message="ICEBP is #UD"/>}, 'xfail: is shown as what it is');

# ---- KCIDB --------------------------------------------------------------------------------------------------------

put_file("$work/validate.py", <<'END');
import json, sys, jsonschema
report, schema = (json.load(open(name)) for name in sys.argv[1:])
jsonschema.Draft7Validator(schema).validate(report)
checkouts = {c["id"] for c in report["checkouts"]}
builds = {b["id"] for b in report["builds"]}
assert all(b["checkout_id"] in checkouts for b in report["builds"]), "a build of no checkout"
assert all(t["build_id"] in builds for t in report["tests"]), "a test of no build"
for kind in "tests", "issues", "incidents":
    assert len({x["id"] for x in report[kind]}) == len(report[kind]), "an id is there twice"
issues = {i["id"] for i in report["issues"]}
tests = {t["id"] for t in report["tests"]}
assert all(i["issue_id"] in issues and i["test_id"] in tests for i in report["incidents"]), "an incident of nothing"
END

# -> the tests of the report, by path, and all of it.
sub kcidb
{
    my ($log, $name) = @_;
    my ($status, $text) = run("$top/tools/kcidb --commit $commit $log >kcidb.json");
    my ($valid, $complaints) = run("/usr/bin/python3 validate.py kcidb.json $data/kcidb.schema.json");
    ok($status == 0 && $valid == 0, "$name: the KCIDB report is as the schema says") or diag("$status: $text$complaints");
    my $report = eval { decode_json(get_file("$work/kcidb.json")) } // {tests => []};
    return ({map { ($_->{path} => $_) } @{$report->{tests}}}, $report);
}

my ($tests, $report) = kcidb("$data/pass.log", 'pass');
is($tests->{nestor}{status}, 'PASS', 'pass: the whole');
is($tests->{'nestor.vm.hello16.ends-with-halt'}{status}, 'PASS', 'pass: a row');
cmp_ok($tests->{'nestor.vm.hello16'}{duration}, '>', 0, 'pass: how long a VM ran');
is($tests->{nestor}{environment}{misc}{'Back end'}, 'SVM', 'pass: the passport');

($tests) = kcidb("$data/fail.log", 'fail');
is_deeply([map { $tests->{"nestor.$_"}{status} } qw(any.fail any.error.hole any.timeout any.skip any.pass vm.self)],
    [qw(FAIL ERROR FAIL SKIP PASS FAIL)], 'fail: each kind has its status');
like($tests->{'nestor.any.fail.no.exit'}{log_excerpt}, qr/expected VMEXIT_HLT; saw no exit/, 'fail: an excerpt');

($tests, $report) = kcidb("$data/xfail.log", 'xfail');
my ($known, $not_run) = @$tests{'nestor.svm.insn.icebp-on', 'nestor.svm.event.cleared.intr-20'};
my ($incident) = grep { $_->{test_id} eq $known->{id} } @{$report->{incidents}};
my ($issue) = grep { $_->{id} eq ($incident->{issue_id} // '') } @{$report->{issues}};
is($known->{status}, 'FAIL', 'xfail: a failure');
ok($issue->{report_subject} eq 'ICEBP is #UD' && $issue->{comment} =~ /^F1H is #DB/, 'xfail: of a known issue, with the argument')
    or diag(explain $issue);
is(@{$report->{issues}}, 3, 'xfail: which is there once');
ok($not_run->{status} eq 'SKIP' && $not_run->{comment} =~ /comes again/, 'xfail: one that was not run');

(my $again = get_file("$data/xfail.log")) =~ s/any\.cpuid\.user$/any.cpuid.exits/mg;
put_file("$work/again.log", $again);
kcidb("$work/again.log", 'a row that is there twice');

(my $costs = get_file("$data/pass.log")) =~ s/^(# VM  )/# cost: unit ticks\n# cost: cpuid 1200.00 1250.50 31.20\n$1/m;
put_file("$work/costs.log", $costs);
my $cpuid = (kcidb("$work/costs.log", 'a cost'))[0]{'nestor.cost.cpuid'};
is_deeply([@$cpuid{qw(status number)}], ['DONE', {value => 1250.5, unit => 'ticks'}], 'a cost is a number');

my (undef, $first) = run("$top/tools/kcidb --commit $commit $data/pass.log");
is((run("$top/tools/kcidb --commit $commit $data/pass.log"))[1], $first, 'the same log makes the same report');

# ---- Machines that died -------------------------------------------------------------------------------------------

my %killer = (panic => ['svm.vmrun.unchanged.cr4-pae', qr/Nestor panic: #UD/],
    truncated => ['svm.event.cleared.gp', qr/ends in the middle/]);
for my $log (sort keys %killer) {
    my ($id, $why) = @{$killer{$log}};
    my ($text, $said) = junit("$data/$log.log", $log);
    like($said, qr/^junit: .*no verdict: .*$why/m, "$log: junit says that there is no verdict");
    like($text, qr{name="\Q$id\E">\n +<error type="nestor.killer" message="the machine died while this test ran">},
        "$log: the killer");
    is(count($text, qr/<error /), 1, "$log: is the only error");
    cmp_ok(count($text, qr/type="nestor.lost"/), '>', 5, "$log: results that are lost are skipped");
    my ($by) = kcidb("$data/$log.log", $log);
    is($by->{"nestor.$id"}{status}, 'FAIL', "$log: KCIDB hears of it");
    like($by->{"nestor.$id"}{log_excerpt}, qr/^# \w+> \Q$id\E$/m, "$log: with the end of the log");
    is($by->{nestor}{status}, 'FAIL', "$log: and of the whole");
    is($by->{'nestor.svm.vmrun.unchanged.cr0-32'}{status}, 'MISS', "$log: what is lost is missing");
}
like((junit("$data/truncated.log", 'truncated'))[0], qr{name="any.cpuid.leaf.0"/>}, 'truncated: what was printed counts');

# ---- What is no log, and how one comes over a real line ------------------------------------------------------------

for my $tool (qw(junit kcidb report families passport)) {
    ends("$top/tools/$tool $data/other.txt", 2, "$tool: not Nestor's", qr/^$tool: .*other\.txt: no log of Nestor's/m);
    ends("$top/tools/$tool", 2, "$tool: no argument", qr/^usage: |try --help$/m);
}
for my $tool (qw(junit kcidb report families passport trace)) {
    ends("$top/tools/$tool /nowhere", 2, "$tool: no file", qr{\A$tool: /nowhere: No such file or directory\n\z});
    ends("$top/tools/$tool $data", 2, "$tool: a folder", qr{\A$tool: \Q$data\E: Is a directory\n\z});
    ends("$top/tools/$tool --help", 0, "$tool --help", qr/^usage: tools\/$tool/m);
    ends("$top/tools/$tool --no-such-thing x", 2, "$tool: an unknown option", qr/unknown option/i);
}
ends("$top/tools/families $data/pass.log", 2, 'families: a log without feature tests', qr/pass\.log: no results of feature tests$/);
ends("$top/tools/kcidb --origin Me $data/pass.log", 2, 'kcidb: a wrong origin', qr/--origin Me/);

(my $noisy = get_file("$data/pass.log")) =~ s/\n/\r\n/g;
$noisy =~ s/^(Machine.*|ok 1 .*)\r$/\e[1;32m$1\e[0m\r/mg;
$noisy = "\e[2J\e[01;01HGRUB loading\r\n\xff\x00" . get_file("$data/fail.log") . "\e[0m$noisy";
put_file("$work/noisy.log", $noisy);
($xml) = junit("$work/noisy.log", 'noise and two boots');
is($xml, (junit("$data/pass.log", 'no noise'))[0], 'noise and two boots: the last one counts');

(my $times = get_file("$data/pass.log")) =~ s/^/[2026-11-21 20:00:00.123] /mg;
put_file("$work/times.log", $times);
is((junit("$work/times.log", 'times'))[0], (junit("$data/pass.log", 'no times'))[0], 'a logger that adds times');
run("mkdir 'a b' && cp -r $top/tools $top/config 'a b' && cp $data/xfail.log 'a b/x y.log'");
ends("'a b/tools/report' 'a b/x y.log'", 0, 'a checkout and a log with blanks in their names', qr/F1H is #DB/);
is((junit("$data/lava.yaml", 'LAVA'))[0], (junit("$data/fail.log", 'not LAVA'))[0], "LAVA's log");

# ---- A machine that runs now --------------------------------------------------------------------------------------

my (undef, $now) = reports(qemu("--config $top/config/default.conf"), 0, 'a machine runs');
put_file("$work/now.log", $now);
($xml) = junit("$work/now.log", 'now');
my ($passed, $skipped) = $now =~ /^# All results: (\d+) passed, 0 failed, (\d+) skipped/m;
my $cases = $passed + $skipped + 1;
like($xml, qr/^<testsuites [^>]* tests="$cases" failures="0" errors="0">$/m, 'now: as many cases as results, and the verdict');
($tests) = kcidb("$work/now.log", 'now');
is(scalar(grep { $_->{status} eq 'FAIL' } values %$tests), 0, 'now: nothing fails');
done_testing();
