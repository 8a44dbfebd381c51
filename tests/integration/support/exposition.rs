//! A strict reader of the Prometheus text format 0.0.4: it takes nothing that a scraper may refuse.

use std::collections::{BTreeMap, HashMap, HashSet};

/// The families of one scrape, by name.
pub(crate) struct Exposition {
    pub(crate) families: BTreeMap<String, Family>,
}

pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) samples: Vec<Sample>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

impl Sample {
    pub(crate) fn has(&self, labels: &[(&str, &str)]) -> bool {
        labels.iter().all(|(name, value)| self.labels.get(*name).is_some_and(|label| label == value))
    }
}

impl Exposition {
    /// What is wrong with the text is an error that names the line.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if !text.is_empty() && !text.ends_with('\n') {
            return Err("the last line has no end".to_owned());
        }
        let mut reader = Reader { families: BTreeMap::new(), current: None, series: HashSet::new() };
        for (number, line) in text.lines().enumerate() {
            reader.line(line).map_err(|error| format!("line {}: {error}: {line}", number + 1))?;
        }
        let exposition = Self { families: reader.families };
        exposition.families.iter().try_for_each(|(name, family)| check(name, family))?;
        Ok(exposition)
    }

    /// The value of the only sample of this name that has these labels.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let all = self.families.values().flat_map(|family| &family.samples);
        let mut found = all.filter(|sample| sample.name == name && sample.has(labels));
        let value = found.next()?.value;
        assert!(found.next().is_none(), "{name} {labels:?} are several");
        Some(value)
    }
}

struct Reader {
    families: BTreeMap<String, Family>,
    current: Option<String>,
    series: HashSet<String>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').ok_or("no description")?;
            return self.begin(name, help);
        }
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').ok_or("no kind")?;
            return self.kind(name, kind);
        }
        if line.starts_with('#') || line.is_empty() {
            return Err("neither a sample nor HELP nor TYPE".to_owned());
        }
        self.sample(line)
    }

    fn begin(&mut self, name: &str, help: &str) -> Result<(), String> {
        check_name(name)?;
        let family = Family { kind: String::new(), help: unescaped(help, &[])?, samples: Vec::new() };
        if self.families.insert(name.to_owned(), family).is_some() {
            return Err("the family is there twice".to_owned());
        }
        self.current = Some(name.to_owned());
        Ok(())
    }

    fn kind(&mut self, name: &str, kind: &str) -> Result<(), String> {
        let family = self.families.get_mut(name).filter(|_| self.current.as_deref() == Some(name));
        let family = family.ok_or("TYPE does not follow the HELP of its family")?;
        if !["counter", "gauge", "histogram"].contains(&kind) || !family.kind.is_empty() {
            return Err("not one known kind".to_owned());
        }
        kind.clone_into(&mut family.kind);
        Ok(())
    }

    fn sample(&mut self, line: &str) -> Result<(), String> {
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        check_name(name)?;
        let (labels, rest) = match line[name.len()..].strip_prefix('{') {
            Some(rest) => labels(rest)?,
            None => (BTreeMap::new(), &line[name.len()..]),
        };
        let value = rest.strip_prefix(' ').ok_or("no value")?;
        let value =
            if value == "+Inf" { f64::INFINITY } else { value.parse().map_err(|_| "the value is no number")? };
        let current = self.current.as_deref().ok_or("a sample without a family")?;
        let family = self.families.get_mut(current).expect("it has begun");
        let suffixes: &[&str] = if family.kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        if family.kind.is_empty() || !suffixes.iter().any(|suffix| name.strip_suffix(suffix) == Some(current)) {
            return Err(format!("a sample among those of {current}"));
        }
        if !self.series.insert(format!("{name} {labels:?}")) {
            return Err("the series is there twice".to_owned());
        }
        family.samples.push(Sample { name: name.to_owned(), labels, value });
        Ok(())
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let is_name = name.chars().all(valid) && name.starts_with(|c: char| valid(c) && !c.is_ascii_digit());
    if is_name { Ok(()) } else { Err(format!("{name:?} is no name")) }
}

/// The labels up to the brace, and what is behind it.
fn labels(text: &str) -> Result<(BTreeMap<String, String>, &str), String> {
    let (mut found, mut rest) = (BTreeMap::new(), text);
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((found, after));
        }
        let (name, after) = rest.split_once("=\"").ok_or("a label without a value")?;
        check_name(name)?;
        let end = end_of_value(after).ok_or("the value of a label has no end")?;
        let value = unescaped(&after[..end], &['"'])?;
        if name.contains(':') || name.starts_with("__") || found.insert(name.to_owned(), value).is_some() {
            return Err(format!("the label {name} is no name, or is there twice"));
        }
        rest = &after[end + 1..];
        rest = match rest.strip_prefix(',') {
            Some(next) if !next.starts_with('}') => next,
            None if rest.starts_with('}') => rest,
            _ => return Err("labels are not separated".to_owned()),
        };
    }
}

fn end_of_value(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, letter)| {
        let is_end = letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        is_end.then_some(at)
    })
}

fn unescaped(text: &str, more: &[char]) -> Result<String, String> {
    let (mut plain, mut letters) = (String::new(), text.chars());
    while let Some(letter) = letters.next() {
        plain.push(match (letter, letter == '\\') {
            (letter, false) => letter,
            (_, true) => match letters.next() {
                Some('n') => '\n',
                Some(letter) if letter == '\\' || more.contains(&letter) => letter,
                other => return Err(format!("\\{other:?} is no escape")),
            },
        });
    }
    Ok(plain)
}

/// The conventions of Prometheus that `promtool check metrics` holds names to, and what a histogram has to be.
fn check(name: &str, family: &Family) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{name}: {what}"));
    if family.help.is_empty() || family.samples.is_empty() {
        return wrong("no description, or no sample");
    }
    if (family.kind == "counter") != name.ends_with("_total") {
        return wrong("counters, and they alone, end in _total");
    }
    let base = name.strip_suffix("_total").unwrap_or(name);
    for unit in ["milliseconds", "microseconds", "minutes", "hours", "ms", "kilobytes", "kib", "bits", "percent"] {
        if base.split('_').any(|word| word == unit) {
            return wrong("not a base unit");
        }
    }
    for suffix in ["_count", "_sum", "_bucket", "_gauge", "_counter", "_histogram"] {
        if base.ends_with(suffix) {
            return wrong("the suffix has another meaning");
        }
    }
    if name.chars().any(|letter| letter.is_ascii_uppercase())
        || (family.kind == "histogram" && !base.ends_with("_seconds"))
    {
        return wrong("capitals, or durations that do not say in seconds");
    }
    match family.kind.as_str() {
        "counter" if family.samples.iter().any(|sample| !sample.value.is_finite() || sample.value < 0.0) => {
            wrong("a counter is not negative")
        }
        "histogram" => histograms(family).or_else(|error| wrong(&error)),
        _ => Ok(()),
    }
}

/// The bounds and values of the buckets of one histogram, and its other samples.
type Parts<'a> = (Vec<(f64, f64)>, Vec<&'a Sample>);

/// Buckets in the order of their bounds, cumulative, and the last as large as the count.
fn histograms(family: &Family) -> Result<(), String> {
    let mut all: HashMap<String, Parts<'_>> = HashMap::new();
    for sample in &family.samples {
        let mut labels = sample.labels.clone();
        let bound = labels.remove("le");
        let (buckets, others) = all.entry(format!("{labels:?}")).or_default();
        match (sample.name.ends_with("_bucket"), bound.as_deref()) {
            (true, Some("+Inf")) => buckets.push((f64::INFINITY, sample.value)),
            (true, Some(bound)) => buckets.push((bound.parse().map_err(|_| "a bound is no number")?, sample.value)),
            (false, None) => others.push(sample),
            _ => return Err("`le` is not where it belongs".to_owned()),
        }
    }
    for (buckets, others) in all.values() {
        let of = |suffix: &str| others.iter().find(|sample| sample.name.ends_with(suffix)).map(|sample| sample.value);
        let (Some(count), Some(_sum), 2) = (of("_count"), of("_sum"), others.len()) else {
            return Err("not one _count and one _sum".to_owned());
        };
        if !buckets.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1) {
            return Err("buckets are not cumulative in the order of their bounds".to_owned());
        }
        if buckets.last() != Some(&(f64::INFINITY, count)) {
            return Err("the last bucket is not +Inf with the count".to_owned());
        }
    }
    Ok(())
}
