mod histogram;

use std::collections::{HashMap, HashSet};
use std::fmt::{Arguments, Display, Write};

pub use histogram::Histogram;

/// The figures of one scrape, written in the Prometheus text format 0.0.4.
///
/// Samples of one name may be added at any time: they come together in the text, under the description and the kind
/// that the first one has. What would make the text wrong as a whole is left out: a second sample of one name with the
/// same labels, one of another kind than the first, a label that is there already, and `le`, which is a bucket's. So
/// tiers of your own tell their figures apart by a label. What may not stand in a name becomes `_`.
#[derive(Debug, Default)]
pub struct Metrics {
    families: Vec<Family>,
    /// Where the family of a name is.
    places: HashMap<String, usize>,
}

/// The samples of one name.
#[derive(Debug)]
struct Family {
    name: String,
    kind: Kind,
    text: String,
    /// The labels of each sample.
    series: HashSet<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Metrics {
    /// A figure that only grows; `name` ends in `_total`.
    pub fn counter(&mut self, name: &str, help: &str, labels: &[(&str, &str)], value: impl Display) {
        self.sample(Kind::Counter, name, help, labels, &value);
    }

    /// A figure that grows and shrinks, or a limit.
    pub fn gauge(&mut self, name: &str, help: &str, labels: &[(&str, &str)], value: impl Display) {
        self.sample(Kind::Gauge, name, help, labels, &value);
    }

    /// Durations; `name` ends in `_seconds`. Several histograms, such as one for each thread, are summed.
    pub fn histogram<'a>(
        &mut self,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
        parts: impl IntoIterator<Item = &'a Histogram>,
    ) {
        let labels = written(labels);
        if let Some(family) = self.series(Kind::Histogram, name, help, &labels) {
            family.histogram(&labels, parts);
        }
    }

    /// The text of the scrape.
    pub fn into_text(self) -> String {
        self.families.into_iter().map(|family| family.text).collect()
    }

    fn sample(&mut self, kind: Kind, name: &str, help: &str, labels: &[(&str, &str)], value: &dyn Display) {
        let labels = written(labels);
        if let Some(family) = self.series(kind, name, help, &labels) {
            family.line("", &labels, value);
        }
    }

    /// The family of a name, for a sample with these labels; `None` if that would be wrong there.
    fn series(&mut self, kind: Kind, name: &str, help: &str, labels: &str) -> Option<&mut Family> {
        let place = self.places.entry(valid(name)).or_insert_with_key(|name| {
            self.families.push(Family::new(name, kind, help));
            self.families.len() - 1
        });
        let family = &mut self.families[*place];
        let mut series: Vec<&str> = labels.split_inclusive("\",").map(|label| label.trim_end_matches(',')).collect();
        series.sort_unstable(); // the order is no difference
        (family.kind == kind && family.series.insert(series.join(","))).then_some(family)
    }
}

impl Family {
    fn new(name: &str, kind: Kind, help: &str) -> Self {
        let word = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        let text = format!("# HELP {name} {help}\n# TYPE {name} {word}\n");
        Self { name: name.to_owned(), kind, text, series: HashSet::new() }
    }

    fn histogram<'a>(&mut self, labels: &str, parts: impl IntoIterator<Item = &'a Histogram>) {
        let sum = Histogram::default();
        parts.into_iter().for_each(|part| sum.add(part));
        let mut count = 0;
        for (bound, observed) in sum.buckets() {
            count += observed;
            let bound = bound.map_or("+Inf".to_owned(), |bound| bound.to_string());
            let separator = if labels.is_empty() { "" } else { "," };
            self.line("_bucket", &format!("{labels}{separator}le=\"{bound}\""), &count);
        }
        self.line("_sum", labels, &sum.seconds());
        self.line("_count", labels, &count);
    }

    fn line(&mut self, suffix: &str, labels: &str, value: &dyn Display) {
        let name = &self.name;
        let push = |text: &mut String, line: Arguments<'_>| text.write_fmt(line);
        let written = match labels {
            "" => push(&mut self.text, format_args!("{name}{suffix} {value}\n")),
            _ => push(&mut self.text, format_args!("{name}{suffix}{{{labels}}} {value}\n")),
        };
        written.expect("writing to a String cannot fail");
    }
}

fn written(labels: &[(&str, &str)]) -> String {
    let mut names = HashSet::from(["le".to_owned()]);
    let labels = labels.iter().map(|(name, value)| (valid(name), escaped(value)));
    let labels = labels.filter(|(name, _)| names.insert(name.clone()));
    labels.map(|(name, value)| format!("{name}=\"{value}\"")).collect::<Vec<_>>().join(",")
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The name with letters, digits and `_` alone, that does not begin with a digit.
fn valid(name: &str) -> String {
    let valid: String = name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
    if valid.starts_with(|first: char| first.is_ascii_digit()) || valid.is_empty() {
        format!("_{valid}")
    } else {
        valid
    }
}

#[cfg(test)]
mod tests;
