#!/usr/bin/perl
# The recipes of docs/lab.md: the LAVA job against LAVA's own schema, its expressions as LAVA applies them, to recorded
# logs and to one of now; the programs for labgrid and openQA, with something of the kind of what they talk to.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use Test::More;
use kernel_machine;

my $data = "$top/tests/data/results";
my $page = get_file("$top/docs/lab.md");

# The system's own Python: the modules are Debian's.
sub python { return run("/usr/bin/python3 @_") }

# ---- LAVA ---------------------------------------------------------------------------------------------------------

# What LAVA's test action of the kind `monitors` does with a line: waits for the start, then takes whatever comes first of
# the end and a test case.
put_file("$work/lava.py", <<'END');
import json, re, sys
import pexpect, yaml
from lava_common.schemas import validate

def monitor(job, log):
    m = next(action["test"] for action in job["actions"] if "test" in action)["monitors"][0]
    line = pexpect.spawn("sh", ["-c", "stty raw -echo; cat " + log], timeout=60, encoding="latin-1")
    line.expect(m["start"])
    cases = []
    while True:
        what = line.expect([pexpect.EOF, pexpect.TIMEOUT, m["end"], m["pattern"]])
        if what < 3:
            return {"end": ["eof", "timeout", "end"][what], "cases": cases}
        found = line.match.groupdict()
        name = re.sub(r"\W+", "_", found["test_case_id"].strip().lower())
        cases.append([name, m["fixupdict"].get(found["result"], found["result"])])

job = yaml.safe_load(open(sys.argv[1]))
validate(job, strict=True)
json.dump([monitor(job, log) for log in sys.argv[2:]], sys.stdout)
END

(my $serial = get_file("$data/xfail.log")) =~ s/\n/\r\n/g;
put_file("$work/serial.log", $serial);
my (undef, $now) = reports(qemu("--config $top/config/default.conf"), 0, 'a machine runs');
put_file("$work/now.log", $now);
my @logs = ((map { "$data/$_.log" } qw(pass fail panic truncated)), 'serial.log', 'now.log');
my ($status, $text) = python("lava.py $top/config/lava/nestor.yaml @logs");
my $read = eval { decode_json($text) };
ok($status == 0 && $read, "LAVA's schema takes the job") or diag($text);
my ($pass, $fail, $panic, $truncated, $xfail, $default) = @{$read // [({cases => [], end => ''}) x 6]};

sub results { my ($log) = @_; my %sum; $sum{$_->[1]}++ for @{$log->{cases}}; return \%sum }
sub result { my ($log, $name) = @_; return join ' ', map { $_->[1] } grep { $_->[0] eq $name } @{$log->{cases}} }

is_deeply($pass, {end => 'end', cases => [['hello16', 'pass']]}, 'LAVA: a VM is a case');
is_deeply([map { result($fail, $_) } qw(any_pass any_fail_no_exit any_error_hole any_timeout any_skip self)],
    [qw(pass fail fail fail skip fail)], 'LAVA: rows are cases');
is_deeply(results($xfail), {pass => 40, skip => 20}, 'LAVA: each row and each VM once, with carriage returns');
is(result($xfail, 'svm_insn_icebp_on'), 'skip', 'LAVA: a known difference is skipped');
is($xfail->{end}, 'end', 'LAVA: the end is found');
is_deeply($panic, {end => 'end', cases => [['nestor', 'fail']]}, 'LAVA: a panic fails, and ends the job');
is($truncated->{end}, 'eof', 'LAVA: a line that is cut has no end');
is(result($truncated, 'any_cpuid_leaf_0'), 'pass', 'LAVA: but cases');
is_deeply($default, {end => 'end', cases => [map { [s/\W/_/gr, 'pass'] } $now =~ /^ok \d+ (\S+)$/mg]}, 'LAVA: the machine of now');

# ---- The snippets -------------------------------------------------------------------------------------------------

my @yaml = $page =~ /^```yaml\n(.*?)^```$/msg;
put_file("$work/snippet$_.yaml", $yaml[$_]) for 0 .. $#yaml;
put_file("$work/snippets.py", "import json, sys, yaml\njson.dump([yaml.safe_load(open(f)) for f in sys.argv[1:]], sys.stdout)\n");
($status, $text) = python('snippets.py', map { "snippet$_.yaml" } 0 .. $#yaml);
my $snippets = eval { decode_json($text) } // [];
is(@$snippets, 2, 'the YAML of docs/lab.md is some') or diag($text);

# The boot action of a device in QEMU, in the place of the job's own.
put_file("$work/qemu.py", <<'END');
import sys, yaml
from lava_common.schemas import validate
job, snippet = (yaml.safe_load(open(name)) for name in sys.argv[1:])
job["actions"] = snippet + [action for action in job["actions"] if "test" in action]
validate(job, strict=True)
END
($status, $text) = python("qemu.py $top/config/lava/nestor.yaml snippet0.yaml");
is($status, 0, 'a LAVA job for QEMU') or diag($text);
is_deeply([sort keys %{$snippets->[1]{targets}{main}{drivers} // {}}], ['NetworkPowerDriver', 'SerialDriver'],
    'a labgrid environment');

# labgrid: a console that says what a log has, once the power is switched.
my ($labgrid) = $page =~ /^```python\n(.*?)^```$/ms;
mkdir "$work/labgrid";
put_file("$work/labgrid/__init__.py", '');
put_file("$work/labgrid/protocol.py", "class ConsoleProtocol: pass\nclass PowerProtocol: pass\n");
put_file("$work/test_nestor.py", $labgrid // '');
put_file("$work/labgrid_run.py", <<'END');
import re, sys
from labgrid.protocol import ConsoleProtocol
from test_nestor import test_nestor

class Console:
    def expect(self, pattern, timeout):
        text = open(sys.argv[1], "rb").read() if Power.cycled else b""
        match = re.search(pattern.encode(), text, re.DOTALL)
        return 0, text[:match.start()], match, match.group(0)

class Power:
    cycled = False
    def cycle(self):
        Power.cycled = True

class Target:
    def get_driver(self, protocol):
        return Console() if protocol is ConsoleProtocol else Power()

test_nestor(Target())
END
for (['pass', 0], ['fail', 1], ['panic', 1]) {
    my ($log, $expected) = @$_;
    ($status, $text) = python("labgrid_run.py $data/$log.log");
    is($status, $expected, "labgrid: $log") or diag($text);
    is((run("$top/tools/junit nestor.log"))[0], 0, "labgrid: $log: and the log is kept");
}

# openQA: the same.
my ($module) = $page =~ /^```perl\n(.*?)^```$/ms;
put_file("$work/basetest.pm", "package basetest;\nsub new { return bless {} }\n1;\n");
put_file("$work/testapi.pm", <<'END');
package testapi;
use Exporter 'import';
our @EXPORT = 'wait_serial';
sub wait_serial
{
    my ($pattern) = @_;
    open my $in, '<', $ENV{LOG} or die;
    local $/;
    return <$in> =~ /(.*?$pattern)/s ? $1 : undef;
}
1;
END
put_file("$work/nestor.pm", "package nestor;\n" . ($module // ''));
for (['pass', 0, qr/^$/], ['fail', 255, qr/verdict is fail/], ['panic', 255, qr/no verdict/], ['truncated', 255, qr/no verdict/]) {
    my ($log, $expected, $said) = @$_;
    ends("LOG=$data/$log.log perl -I. -Mnestor -e 'nestor->run'", $expected, "openQA: $log", $said);
}
done_testing();
