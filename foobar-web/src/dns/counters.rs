use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use foobar_core::Metrics;
use hickory_proto::op::ResponseCode;

use super::answer::{Answer, Transport};

/// What has been asked and answered.
#[derive(Default)]
pub(super) struct Counters {
    questions: [AtomicU64; 2],
    answers: [AtomicU64; CODES.len()],
    truncated: AtomicU64,
    sent_to_tcp: AtomicU64,
    dropped: AtomicU64,
    transfers: AtomicU64,
}

/// The codes of answers that are told apart; `other` are the rest.
const CODES: [(&str, Option<ResponseCode>); 6] = [
    ("noerror", Some(ResponseCode::NoError)),
    ("nxdomain", Some(ResponseCode::NXDomain)),
    ("refused", Some(ResponseCode::Refused)),
    ("formerr", Some(ResponseCode::FormErr)),
    ("notimp", Some(ResponseCode::NotImp)),
    ("other", None),
];

impl Counters {
    pub(super) fn question(&self, transport: Transport) {
        let at = usize::from(transport == Transport::Tcp);
        self.questions[at].fetch_add(1, Relaxed);
    }

    pub(super) fn answer(&self, answer: &Answer) {
        let at = CODES.iter().position(|(_, code)| *code == Some(answer.code)).unwrap_or(CODES.len() - 1); // `other`
        self.answers[at].fetch_add(1, Relaxed);
        self.truncated.fetch_add(answer.is_truncated.into(), Relaxed);
    }

    pub(super) fn sent_to_tcp(&self) {
        self.sent_to_tcp.fetch_add(1, Relaxed);
    }

    pub(super) fn dropped(&self) {
        self.dropped.fetch_add(1, Relaxed);
    }

    pub(super) fn transfer(&self) {
        self.transfers.fetch_add(1, Relaxed);
    }

    pub(super) fn write(&self, metrics: &mut Metrics) {
        for (transport, count) in ["udp", "tcp"].into_iter().zip(&self.questions) {
            let labels = [("transport", transport)];
            metrics.counter("foobar_dns_questions_total", "Messages that were read.", &labels, count.load(Relaxed));
        }
        for ((code, _), count) in CODES.iter().zip(&self.answers) {
            let labels = [("code", *code)];
            metrics.counter("foobar_dns_answers_total", "Answers, without transfers.", &labels, count.load(Relaxed));
        }
        let mut count = |name, help, labels: &[_], count: &AtomicU64| {
            metrics.counter(name, help, labels, count.load(Relaxed));
        };
        count("foobar_dns_truncated_total", "Answers that were too long for UDP.", &[], &self.truncated);
        let help = "Questions beyond dns.rate_limit.";
        count("foobar_dns_rate_limited_total", help, &[("outcome", "tcp")], &self.sent_to_tcp);
        count("foobar_dns_rate_limited_total", help, &[("outcome", "dropped")], &self.dropped);
        count("foobar_dns_transfers_total", "Transfers of the whole zone.", &[], &self.transfers);
    }
}
