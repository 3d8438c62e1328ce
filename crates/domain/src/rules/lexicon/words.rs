//! Words without meaning, and words with the same meaning.

/// Words that say nothing by themselves.
#[rustfmt::skip]
const NOISE: &[&str] = &[
    "a", "about", "across", "all", "also", "among", "amount", "an", "any", "appear", "appears", "are", "as",
    "associated", "available", "based", "be", "been", "being", "belong", "belonging", "belongs", "business", "came",
    "can", "come", "comes", "corresponding", "could", "currently", "data", "database", "did", "do", "does", "done",
    "during", "each", "ever", "everybody", "everyone", "exist", "exists", "far", "for", "given", "go", "gone",
    "got", "had", "happened", "has", "have", "he", "hello", "her", "hey", "hi", "him", "his", "how", "i", "info",
    "information", "into", "involved", "is", "it", "its", "just", "kind", "kinds", "know", "let", "like", "listed",
    "live", "lives", "living", "located", "made", "make", "makes", "many", "me", "much", "my", "need", "new", "now",
    "occurred", "of", "one", "ones", "other", "our", "out", "place", "placed", "please", "possible", "record",
    "recorded", "records", "registered", "respectively", "right", "rows", "s", "say", "she", "shop", "shown", "so",
    "some", "stand", "stands", "store", "stored", "such", "t", "table", "take", "taken", "than", "the", "their",
    "them", "then", "there", "these", "they", "this", "those", "through", "to", "took", "total", "us", "use",
    "used", "uses", "using", "value", "values", "want", "was", "we", "went", "were", "what", "which", "within",
    "would", "you", "your",
];

/// Whether a word says nothing by itself.
pub fn is_noise(lower: &str) -> bool {
    NOISE.binary_search(&lower).is_ok()
}

/// Stems with the same meaning, tried when a word names nothing itself.
const SYNONYMS: &[(&str, &[&str])] = &[
    ("articl", &["product"]),
    ("buyer", &["custom"]),
    ("car", &["vehicl"]),
    ("categori", &["type"]),
    ("cellphon", &["cell"]),
    ("client", &["custom"]),
    ("cost", &["price"]),
    ("creator", &["direct", "author"]),
    ("director", &["direct"]),
    ("film", &["movi"]),
    ("good", &["product"]),
    ("group", &["categori"]),
    ("item", &["product"]),
    ("job", &["posit"]),
    ("join", &["signup"]),
    ("kind", &["type", "categori"]),
    ("locat", &["address"]),
    ("mail", &["email"]),
    ("manufactur", &["maker"]),
    ("mobil", &["cell"]),
    ("nation", &["countri"]),
    ("price", &["cost"]),
    ("purchas", &["order"]),
    ("salari", &["wage", "pay"]),
    ("shopper", &["custom"]),
    ("staff", &["employe"]),
    ("teacher", &["instructor"]),
    ("telephon", &["phone"]),
    ("town", &["citi"]),
    ("voter", &["vote"]),
    ("worker", &["employe"]),
    ("writer", &["written"]),
];

/// Stems with the same meaning as a stem.
pub fn synonyms(stem: &str) -> &'static [&'static str] {
    SYNONYMS.iter().find(|(word, _)| *word == stem).map_or(&[], |(_, others)| others)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tokens::Stems;

    #[test]
    fn the_words_are_sorted_for_the_search() {
        assert!(NOISE.is_sorted());
    }

    #[test]
    fn synonyms_meet_as_stems() {
        let stems = Stems::default();
        for (said, named) in
            [("nations", "countries"), ("clients", "customers"), ("purchases", "orders"), ("towns", "cities")]
        {
            assert!(synonyms(&stems.of(said)).contains(&stems.of(named).as_str()), "{said}");
        }
    }
}
