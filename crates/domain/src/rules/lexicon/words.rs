//! Words without meaning, and words with the same meaning.

/// Words that say nothing by themselves.
const NOISE: &[&str] = &[
    "the", "a", "an", "is", "are", "was", "were", "be", "been", "being", "do", "does", "did", "done", "has", "have",
    "had", "there", "it", "its", "their", "them", "they", "his", "her", "him", "he", "she", "all", "any", "some", "we",
    "our", "us", "me", "my", "you", "your", "i", "to", "of", "those", "these", "this", "please", "can", "could",
    "would", "for", "as", "also", "ones", "one", "s", "t", "which", "what", "how", "currently", "just", "exist",
    "exists", "available", "corresponding", "respectively", "possible", "belong", "belongs", "belonging", "associated",
    "ever", "made", "make", "makes", "out", "so", "far", "right", "now", "everyone", "everybody", "database", "table",
    "data", "records", "record", "rows", "value", "values", "information", "info", "want", "know", "like", "need",
    "let", "about", "use", "uses", "used", "using", "into", "within", "during", "than", "come", "comes", "came",
    "live", "lives", "living", "take", "took", "taken", "happened", "occurred", "located", "place", "placed",
    "appear", "appears", "based", "among", "across", "shop", "store", "business", "s", "got", "involved", "total",
    "through", "gone", "went", "go", "shown", "given", "stored", "listed", "registered", "recorded", "say", "then",
    "stand", "stands", "such", "each", "other", "amount", "hey", "hi", "hello", "new", "many", "much", "kind", "kinds",
];

/// Whether a word says nothing by itself.
pub fn is_noise(lower: &str) -> bool {
    NOISE.contains(&lower)
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
