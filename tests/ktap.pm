# A strict reader of what a machine prints: one KTAP version 1 document between NESTOR BEGIN and NESTOR END.
package ktap;
use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(ktap_read);

my $INDENT = ' ' x 4;

sub wrong { my ($doc, $what, $line) = @_; push @{$doc->{errors}}, $line ? "$what: $line" : $what }

# The lines of a document: from the only NESTOR BEGIN to the only NESTOR END, none of them cut.
sub document_lines
{
    my ($doc, $text) = @_;
    my @begins = $text =~ /^NESTOR BEGIN$/mg;
    my @ends = $text =~ /^NESTOR END (\S+)$/mg;
    wrong($doc, @begins . ' lines NESTOR BEGIN') if @begins != 1;
    wrong($doc, @ends . ' lines NESTOR END') if @ends != 1;
    ($doc->{before}, my $lines, $doc->{verdict}, $doc->{after}) =
        $text =~ /\A(.*?)^NESTOR BEGIN\n(.*)^NESTOR END (\S+)\n(.*)\z/ms or return ();
    wrong($doc, 'no verdict', $doc->{verdict}) if $doc->{verdict} !~ /^(pass|fail)$/;
    return split /\n/, $lines, -1;
}

# One level: version, plan, results in their order. A subtest is a block of lines that are indented further, right before
# the result line that has its name. What stands behind " # " in a result is SKIP, or says why it is not ok.
# -> {name, plan, results: [{ok, number, name, skip, why, subtest}], notes: [...]}
sub read_level
{
    my ($doc, $level, $name, @lines) = @_;
    my $part = {name => $name, results => [], notes => []};
    my (@block, $plan, @notes);

    wrong($doc, 'no version line', $lines[0]) if (shift @lines // '') ne 'KTAP version 1';
    if ($level > 0) {
        ($part->{name}) = (shift @lines // '') =~ /^# Subtest: (\S+)$/ or wrong($doc, 'a subtest without a name');
    }
    ($plan) = (shift @lines // '') =~ /^1\.\.([1-9]\d*)$/ or wrong($doc, 'no plan in ' . ($part->{name} // '?'));
    for my $line (@lines) {
        if ($line =~ s/^$INDENT//) {
            push @block, $line;
        } elsif ($line =~ /^#( |$)/) {
            wrong($doc, 'a line in the middle of a subtest', $line) if @block;
            push @{$part->{notes}}, $line;
        } elsif ($line =~ /^(not )?ok (\d+) (\S.*?)(?: # (.*))?$/) {
            my $result = {ok => !$1, number => $2, name => $3, why => $4, notes => scalar @{$part->{notes}}};
            $result->{skip} = ($4 // '') =~ /^SKIP\b/ ? 1 : '';
            $result->{known} = !$result->{ok} && ($4 // '') =~ /^XFAIL\b/;

            wrong($doc, 'a wrong number', $line) if $result->{number} != @{$part->{results}} + 1;
            wrong($doc, 'an unknown directive', $line) if $result->{ok} && defined $result->{why} && !$result->{skip};
            wrong($doc, 'not ok, and skipped', $line) if $result->{skip} && !$result->{ok};
            $result->{subtest} = read_subtest($doc, $level + 1, $result, splice @block) if @block || $level == 0;
            push @{$part->{results}}, $result;
        } else {
            wrong($doc, 'neither KTAP nor a comment', $line);
        }
    }
    wrong($doc, 'a subtest without a result') if @block;
    wrong($doc, 'plan and results differ in number: ' . ($part->{name} // 'the machine'))
        if defined $plan && $plan != @{$part->{results}};
    return $part;
}

sub read_subtest
{
    my ($doc, $level, $result, @lines) = @_;
    my $part;

    return if !@lines && $doc->{flat};
    $part = read_level($doc, $level, undef, @lines);
    wrong($doc, "the subtest of $result->{name} is called " . ($part->{name} // 'nothing'))
        if ($part->{name} // '') ne $result->{name};
    wrong($doc, "$result->{name} and its subtest differ") if $result->{ok} != !grep { !$_->{ok} && !$_->{known} } @{$part->{results}};
    return $part;
}

# What VMs print ("# NAME: text") comes before their results; the sums and the verdict are those of the results.
sub check_whole
{
    my ($doc, $top) = @_;
    my @results = @{$top->{results}};
    my $failed = grep { !$_->{ok} } @results;
    my $skipped = grep { $_->{skip} } @results;
    my $sum = sprintf '# %d passed, %d failed, %d skipped', @results - $failed - $skipped, $failed, $skipped;
    my %names;

    $names{$_->{name}}++ && wrong($doc, 'two results for', $_->{name}) for @results;
    wrong($doc, "the sums are not: $sum") if ($top->{notes}[-1] // '') ne $sum;
    wrong($doc, 'the verdict is not that of the results') if ($doc->{verdict} // '') ne ($failed ? 'fail' : 'pass');
    for my $result (@results) {
        my @late = @{$top->{notes}}[$result->{notes} .. $#{$top->{notes}}];

        wrong($doc, 'printed after its result', $_) for grep { /^# \Q$result->{name}\E: / } @late;
    }
}

# -> {errors: [text], verdict, before, after (text), results: {name: as read_level's}, order: [names],
#     notes: [lines], printed: {name: [lines]}, table: {name: {end, exits, monitor, preemptions, pages, run}}}
# With `flat`, results need no subtests: machines that did not begin have none.
sub ktap_read
{
    my ($text, %options) = @_;
    my $doc = {errors => [], flat => $options{flat}, results => {}, order => [], notes => [], printed => {}, table => {}};
    my @lines = document_lines($doc, $text);
    my $top;

    return $doc if !@lines;
    wrong($doc, 'the last line is cut') if pop(@lines) ne '';
    $top = read_level($doc, 0, undef, @lines);
    check_whole($doc, $top);
    $doc->{notes} = $top->{notes};
    for (@{$top->{results}}) {
        $doc->{results}{$_->{name}} = $_;
        push @{$doc->{order}}, $_->{name};
    }
    for (@{$top->{notes}}) {
        push @{$doc->{printed}{$1}}, $2 if /^# (\S+): (.*)$/ && $doc->{results}{$1};
        $doc->{table}{$1} //= {end => $2, exits => $3, monitor => $4, preemptions => $5, pages => $6, run => $7}
            if /^# (\S+) +(\S+(?: -?\d+)?) +(\d+) +(\d+) +(\d+) +(\d+) +([\d.]+)$/ && $doc->{results}{$1};
    }
    return $doc;
}

1;
