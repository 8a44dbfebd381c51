use std::time::Duration;

use super::*;

fn text(add: impl FnOnce(&mut Metrics)) -> String {
    let mut metrics = Metrics::default();
    add(&mut metrics);
    metrics.into_text()
}

#[test]
fn samples_of_one_name_come_together_under_one_description() {
    let text = text(|metrics| {
        metrics.counter("a_total", "Things.", &[("kind", "x")], 1);
        metrics.gauge("b", "Others.", &[], 0.5);
        metrics.counter("a_total", "Things, said otherwise.", &[("kind", "z")], 2);
    });
    assert_eq!(
        text,
        "# HELP a_total Things.\n# TYPE a_total counter\na_total{kind=\"x\"} 1\na_total{kind=\"z\"} 2\n\
         # HELP b Others.\n# TYPE b gauge\nb 0.5\n"
    );
}

#[test]
fn what_is_there_already_is_not_there_twice_nor_of_another_kind() {
    let text = text(|metrics| {
        metrics.gauge("a", "A.", &[], 1);
        metrics.gauge("a", "A.", &[], 2);
        metrics.counter("a", "A.", &[("kind", "x")], 3);
        metrics.histogram("a", "A.", &[], &[Histogram::default()]);
    });
    assert_eq!(text, "# HELP a A.\n# TYPE a gauge\na 1\n");
}

#[test]
fn values_of_labels_and_descriptions_are_escaped_and_names_made_valid() {
    let text = text(|metrics| {
        metrics.gauge("a-b.c", "A \"back\\slash\"\nand more.", &[("site-name", "x\"y\\z\nä")], 1);
        metrics.gauge("9", "Nine.", &[], 9);
    });
    assert_eq!(
        text,
        "# HELP a_b_c A \"back\\\\slash\"\\nand more.\n# TYPE a_b_c gauge\n\
         a_b_c{site_name=\"x\\\"y\\\\z\\nä\"} 1\n# HELP _9 Nine.\n# TYPE _9 gauge\n_9 9\n"
    );
}

#[test]
fn the_buckets_of_a_histogram_are_cumulative_and_those_of_several_threads_are_summed() {
    let (one, other) = (Histogram::default(), Histogram::default());
    one.observe(Duration::from_millis(1));
    one.observe_alone(Duration::from_millis(2));
    other.observe_alone(Duration::from_secs(40));
    let text = text(|metrics| metrics.histogram("a_seconds", "Durations.", &[("x", "y")], [&one, &other]));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1], "# TYPE a_seconds histogram");
    for line in [
        "a_seconds_bucket{x=\"y\",le=\"0.0005\"} 0",
        "a_seconds_bucket{x=\"y\",le=\"0.001\"} 1",
        "a_seconds_bucket{x=\"y\",le=\"0.0025\"} 2",
        "a_seconds_bucket{x=\"y\",le=\"30\"} 2",
        "a_seconds_bucket{x=\"y\",le=\"+Inf\"} 3",
        "a_seconds_sum{x=\"y\"} 40.003",
        "a_seconds_count{x=\"y\"} 3",
    ] {
        assert!(lines.contains(&line), "{line} is not in {text}");
    }
}

#[test]
fn a_histogram_without_labels_has_those_of_its_buckets_alone() {
    let text = text(|metrics| metrics.histogram("a_seconds", "Durations.", &[], &[Histogram::default()]));
    assert!(text.contains("a_seconds_bucket{le=\"+Inf\"} 0\na_seconds_sum 0\na_seconds_count 0\n"), "{text}");
}

#[test]
fn a_series_is_there_once_whatever_the_order_of_its_labels_and_each_label_once() {
    let text = text(|metrics| {
        metrics.gauge("a", "A.", &[("x", "1"), ("y", "2")], 1);
        metrics.gauge("a", "A.", &[("y", "2"), ("x", "1")], 2);
        metrics.gauge("a", "A.", &[("x", "1"), ("x", "2")], 3);
        metrics.histogram("b_seconds", "B.", &[("le", "1")], &[Histogram::default()]);
    });
    assert!(text.starts_with("# HELP a A.\n# TYPE a gauge\na{x=\"1\",y=\"2\"} 1\na{x=\"1\"} 3\n"), "{text}");
    assert!(text.contains("\nb_seconds_count 0\n"), "{text}");
}
