# Text and elements of XML and HTML.
package markup;
use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(markup_escape markup_number markup_tag);

my %entity = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;', '"' => '&quot;');

sub markup_escape
{
    my ($text) = @_;
    return $text =~ s/([&<>"])/$entity{$1}/gr;
}

# An HTML element: markup_tag('td.id', ...), markup_tag('section.card#matrix', ...), or ('tr', {title => ...}, ...).
# What is in it is HTML already.
sub markup_tag
{
    my ($what, @inner) = @_;
    my $attributes = ref $inner[0] ? shift @inner : {};
    my ($name) = $what =~ /^(\w+)/;
    my ($id) = $what =~ /#([\w-]+)/;
    my $class = join ' ', $what =~ /\.([\w-]+)/g;
    my @pairs = ($class ne '' ? [class => $class] : (), (map { [$_ => $attributes->{$_}] } sort keys %$attributes),
        defined $id ? [id => $id] : ());

    return join '', "<$name", (map { " $_->[0]=\"" . markup_escape($_->[1]) . '"' } @pairs), '>', @inner, "</$name>",
        $name =~ /^(?:span|b|i|td|th|div|summary|button)$/ ? '' : "\n";
}

# 12,345
sub markup_number
{
    my ($number) = @_;
    1 while $number =~ s/^(\d+)(\d{3})/$1,$2/;
    return $number;
}

1;
