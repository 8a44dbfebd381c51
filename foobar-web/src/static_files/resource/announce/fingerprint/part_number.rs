/// Whether people write this for a part, a model, a substance or a version, however much it looks drawn.
pub(super) fn is_part_number(text: &str) -> bool {
    is_of_other_figures(text) || is_formula(text) || is_version(text) || text.contains("TeX")
}

/// Capitals with figures that esbuild does not draw: its 32 digits have neither 0 nor 1, 8 and 9 (`LM7805CT`), and a number
/// as long as this seldom (`TCS34725`). Others draw small letters too.
fn is_of_other_figures(text: &str) -> bool {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let has_number = text.split(|c: char| !c.is_ascii_digit()).any(|number| number.len() >= 4);
    is_plain && (has_number || text.contains(['0', '1', '8', '9']))
}

/// Abbreviations with their version (`IPv6ULA1`, `YOLOv8n2`).
fn is_version(text: &str) -> bool {
    let is_one = |four: &[u8]| matches!(four, [b'A'..=b'Z', b'A'..=b'Z', b'v', b'0'..=b'9']);
    text.as_bytes().windows(4).any(is_one)
}

/// Symbols of elements and numbers, perhaps with a state (`KAlSi3O8`, `K2CrO4aq`). What has no small letter may be anything.
fn is_formula(text: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| text.as_bytes().iter().any(kind);
    let unnumbered = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let mut stateless = STATES.iter().filter_map(|state| unnumbered.strip_suffix(state));
    has(u8::is_ascii_digit)
        && has(u8::is_ascii_lowercase)
        && (is_of_elements(text) || stateless.any(|text| !text.is_empty() && is_of_elements(text)))
}

fn is_of_elements(text: &str) -> bool {
    let mut ends = vec![false; text.len() + 1];
    ends[0] = true;
    for at in 0..text.len() {
        for length in [1, 2] {
            let next = text.get(at..at + length).filter(|_| ends[at]); // there is none behind the end
            let fits = |next: &str| ELEMENTS.contains(&next) || at > 0 && length == 1 && is_figure(next);
            if next.is_some_and(fits) {
                ends[at + length] = true;
            }
        }
    }
    ends[text.len()]
}

fn is_figure(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Dissolved, solid, liquid, gaseous, and any number of it.
const STATES: &[&str] = &["aq", "s", "l", "g", "x"];

#[rustfmt::skip] // many in a line
const ELEMENTS: &[&str] = &[
    "H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "Ar", "K", "Ca", "Sc",
    "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As", "Se", "Br", "Kr", "Rb", "Sr", "Y", "Zr", "Nb",
    "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd", "In", "Sn", "Sb", "Te", "I", "Xe", "Cs", "Ba", "La", "Ce", "Pr", "Nd",
    "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Hf", "Ta", "W", "Re", "Os", "Ir", "Pt", "Au",
    "Hg", "Tl", "Pb", "Bi", "Po", "At", "Rn", "Fr", "Ra", "Ac", "Th", "Pa", "U", "Np", "Pu", "Am", "Cm",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_numbers_formulas_and_versions_are_known_by_their_form() {
        for text in ["LM7805CT", "GTX1080T", "TCS34725", "KAlSi3O8", "K2CrO4aq", "C6H12O6x", "IPv6ULA1", "LaTeXDoc"] {
            assert!(is_part_number(text), "{text}");
        }
    }

    #[test]
    fn what_bundlers_draw_is_none() {
        for text in ["5INURTSO", "TGKSVFLI", "BX3f9a2c", "D_x-3fA2", "QTkQOOP-", "s2s4s6sx", ""] {
            assert!(!is_part_number(text), "{text}");
        }
    }
}
