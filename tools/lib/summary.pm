# What came of many rows, in little room: bars, counts, a card for each platform.
package summary;
use strict;
use warnings;
use Exporter 'import';
use markup qw(markup_escape markup_number);
use page qw(page_class);
use results qw(results_sum results_verdicts);

our @EXPORT_OK = qw(summary_bar summary_brief summary_cards summary_counts summary_text summary_word);

my %word = (pass => 'PASS', fail => 'FAIL', none => 'NO VERDICT');
my @classes = ([fail => 'failed'], [lost => 'lost'], [xfail => 'known differences'], [skip => 'skipped'], [pass => 'passed']);

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
    return '<span class="bar">' . join('', map { sprintf '<i class="%s" style="width:%.2f%%" title="%d %s"></i>', $_->[0],
        100 * $_->[1] / $sum->{all}, $_->[1], $_->[2] } grep { $_->[1] } classes($sum)) . '</span>';
}

# What passed and what failed is always there, the others if there are any.
sub shown
{
    my ($sum) = @_;
    return map { [$_->[0], markup_number($_->[1]), $_->[2]] } grep { $_->[1] || $_->[0] =~ /^(?:pass|fail)$/ } reverse classes($sum);
}

sub summary_counts
{
    my ($sum) = @_;
    return '<div class="counts">' . join('', map { "<span class=\"$_->[0]\"><b>$_->[1]</b> $_->[2]</span>" } shown($sum)) . "</div>\n";
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

sub summary_cards
{
    my (@docs) = @_;
    return "<div class=\"platforms\">\n" . join('', map {
        my $sum = results_sum(@{$_->{vms}});
        "<section class=\"card $_->{verdict}\"><span class=\"word\">$word{$_->{verdict}}</span><b>" . markup_escape($_->{name}) . '</b>' .
        ($_->{death} ? '<p>' . markup_escape($_->{death}) . '</p>' : '') . summary_counts($sum) . summary_bar($sum) . "</section>\n";
    } @docs) . "</div>\n";
}

1;
