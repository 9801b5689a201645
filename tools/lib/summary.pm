# What came of many rows, in little room: bars, counts, a card for each platform.
package summary;
use strict;
use warnings;
use Exporter 'import';
use markup qw(markup_escape markup_number markup_tag);
use page qw(page_class);
use results qw(results_sum results_verdicts);

our @EXPORT_OK = qw(summary_bar summary_brief summary_cards summary_counts summary_text summary_word);

my %word = (pass => 'PASS', fail => 'FAIL', none => 'NO VERDICT');
my @classes = ([fail => 'failed'], [lost => 'lost'], [xfail => 'known differences'], [skip => 'skipped'],
    [pass => 'passed']);

# A machine's verdict, in capitals.
sub summary_word { return $word{$_[0]} }

# Verdicts in the five classes of the page, in the order of a bar: [class, number, word].
sub classes
{
    my ($sum) = @_;
    my %number;
    $number{page_class($_)} += $sum->{$_} for results_verdicts();
    return map { [$_->[0], $number{$_->[0]}, $_->[1]] } @classes;
}

sub summary_bar
{
    my ($sum) = @_;
    return '' if !$sum->{all};
    return markup_tag('span.bar', map {
        my ($class, $number, $words) = @$_;
        my $width = sprintf '%.2f', 100 * $number / $sum->{all};
        markup_tag("i.$class", {style => "width:$width%", title => "$number $words"});
    } grep { $_->[1] } classes($sum));
}

# What passed and what failed is always there, the others if there are any.
sub shown
{
    my ($sum) = @_;
    return map { [$_->[0], markup_number($_->[1]), $_->[2]] } grep { $_->[1] || $_->[0] =~ /^(?:pass|fail)$/ }
        reverse classes($sum);
}

sub summary_counts
{
    my ($sum) = @_;
    my @spans = map { markup_tag("span.$_->[0]", markup_tag('b', $_->[1]), " $_->[2]") } shown($sum);
    return markup_tag('div.counts', @spans) . "\n";
}

sub summary_text
{
    my ($sum) = @_;
    return join ', ', map { "$_->[1] $_->[2]" } shown($sum);
}

# Few words for one line beside a bar.
sub summary_brief
{
    my ($sum) = @_;
    return join ' &#183; ', markup_number($sum->{all}) . ($sum->{all} == 1 ? ' row' : ' rows'),
        map { $_->[1] ? "$_->[1] $_->[2]" =~ s/ differences//r : () } grep { $_->[0] ne 'pass' } classes($sum);
}

sub card
{
    my ($doc) = @_;
    my $sum = results_sum(@{$doc->{vms}});
    my $death = $doc->{death} ? markup_tag('p', markup_escape($doc->{death})) : '';
    return markup_tag("section.card.$doc->{verdict}", markup_tag('span.word', $word{$doc->{verdict}}),
        markup_tag('b', markup_escape($doc->{name})), $death, summary_counts($sum), summary_bar($sum));
}

sub summary_cards { return markup_tag('div.platforms', "\n", map { card($_) } @_) . "\n" }

1;
