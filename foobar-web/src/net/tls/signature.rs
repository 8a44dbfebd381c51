use rustls::pki_types::SignatureVerificationAlgorithm;

use super::provider::Provider;
use super::x509::{Der, INTEGER, SEQUENCE, VERSION};

const BIT_STRING: u8 = 0x03;
/// How the algorithm of an RSA key begins: with its object identifier (RFC 3279 §2.3.1).
const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// The sizes of RSA keys, in bits, that algorithms take. Any signature by another is called a bad one.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Whether the key of `signer` has signed `certificate`, whatever their names and times are. `None` where that cannot
/// be judged: the provider does not have the algorithm, or does not take the key.
pub(super) fn is_signed_by(certificate: &[u8], signer: &[u8], provider: &Provider) -> Option<bool> {
    let (signed, key) = (Signed::of(certificate)?, PublicKey::of(signer)?);
    let fits = |algorithm: &&&dyn SignatureVerificationAlgorithm| {
        *algorithm.signature_alg_id() == *signed.algorithm && *algorithm.public_key_alg_id() == *key.algorithm
    };
    let algorithms = provider.signature_verification_algorithms.all.iter().filter(fits);
    let verified =
        algorithms.map(|algorithm| algorithm.verify_signature(key.key, signed.content, signed.signature).is_ok());
    verified.reduce(|one, other| one || other).filter(|is_good| *is_good || key.has_usual_size())
}

/// What a certificate is signed with (RFC 5280 §4.1).
struct Signed<'a> {
    content: &'a [u8],
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    fn of(certificate: &'a [u8]) -> Option<Self> {
        let whole = Der(certificate).take(SEQUENCE)?;
        let mut rest = Der(whole);
        rest.take(SEQUENCE)?;
        let content = &whole[..whole.len() - rest.0.len()];
        Some(Self { content, algorithm: rest.take(SEQUENCE)?, signature: bits(&mut rest)? })
    }
}

/// The key of a certificate.
#[derive(Debug)]
struct PublicKey<'a> {
    algorithm: &'a [u8],
    key: &'a [u8],
}

impl<'a> PublicKey<'a> {
    fn of(certificate: &'a [u8]) -> Option<Self> {
        let mut content = Der(Der(Der(certificate).take(SEQUENCE)?).take(SEQUENCE)?);
        content.optional(VERSION);
        content.take(INTEGER)?;
        // The algorithm of its signature, the issuer, the time and the subject.
        (0..4).try_for_each(|_| content.take(SEQUENCE).map(drop))?;
        let mut key = Der(content.take(SEQUENCE)?);
        Some(Self { algorithm: key.take(SEQUENCE)?, key: bits(&mut key)? })
    }

    fn has_usual_size(&self) -> bool {
        if !self.algorithm.starts_with(RSA) {
            return true;
        }
        let modulus = Der(self.key).take(SEQUENCE).and_then(|key| Der(key).take(INTEGER));
        modulus.is_some_and(|modulus| RSA_BITS.contains(&size(modulus)))
    }
}

/// Of a number that is not negative, in bits.
fn size(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let first = number.get(zeros).map_or(0, |byte| byte.leading_zeros() as usize); // at most 8
    (number.len() - zeros) * 8 - first
}

/// Whole bytes.
fn bits<'a>(content: &mut Der<'a>) -> Option<&'a [u8]> {
    let (0, bytes) = content.take(BIT_STRING)?.split_first().map(|(unused, bytes)| (*unused, bytes))? else {
        return None;
    };
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_signature_by_an_rsa_key_says_nothing_where_the_key_is_of_no_usual_size() {
        for (bytes, first, is_usual) in
            [(128, 0xff, false), (256, 0x7f, false), (256, 0x80, true), (1024, 0xff, true), (1025, 1, false)]
        {
            let mut modulus = vec![0, first];
            modulus.resize(1 + bytes, 1);
            let number =
                [&[INTEGER, 0x82][..], &u16::try_from(modulus.len()).unwrap().to_be_bytes(), &modulus].concat();
            let key = [&[SEQUENCE, 0x82][..], &u16::try_from(number.len()).unwrap().to_be_bytes(), &number].concat();
            assert_eq!(PublicKey { algorithm: RSA, key: &key }.has_usual_size(), is_usual, "{bytes} {first}");
        }
    }
}
