//! The result for people: 80 columns, warnings last, where nobody overlooks them.

mod asked;
mod page;
mod sides;
mod times;

use super::Report;
use page::Page;

/// A report as text; `colour` for terminals that show it.
pub fn text(report: &Report, colour: bool) -> String {
    let mut page = Page::new(colour);
    asked::write(&mut page, report);
    asked::write_rates(&mut page, report);
    times::write(&mut page, report);
    asked::write_over_time(&mut page, report);
    sides::write_server(&mut page, report);
    sides::write_generator(&mut page, report);
    sides::write_errors(&mut page, report);
    sides::write_warnings(&mut page, report);
    page.finish()
}
