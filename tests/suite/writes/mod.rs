//! Changes of data: asked for, shown, approved by a person, made once.

mod cases;
mod inline;
mod kills;
mod page;
mod servers;
mod shop;
