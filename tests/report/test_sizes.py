"""The table and the words on size and power of the tests."""

import pandas as pd

from forefolio.report import sentences


def rate(test, rejects, *, null=True, remark="", section=1):
    return {"section": section, "test": test, "title": f"the {test}", "case": "c", "says": "all is noise", "null": null,
            "nominal": 0.05, "replications": 500, "rejects": rejects, "low": 0, "high": 1,
            "least": 0.025 if null else 0, "most": 0.075 if null else 1, "remark": remark}


def test_a_row_of_the_table_is_a_test_with_its_lowest_and_highest_rates():
    table = sentences.size_table(pd.DataFrame([rate("b", 0.04, section=6), rate("a", 0.05), rate("a", 0.2),
                                               rate("a", 0.9, null=False)]))
    assert table["test"].tolist() == ["the a", "the b"]
    assert table.iloc[0, 3:].tolist() == [0.05, 0.2, 0.9, 0.9] and table.iloc[1, 5:].isna().all()


def test_the_sentence_counts_what_holds_and_names_what_does_not():
    text = sentences.sizes(pd.DataFrame([rate("a", 0.05), rate("b", 0.2, remark="It is so."),
                                         rate("c", 0.9, null=False)]))
    assert "500 simulated studies" in text and "holds in 1 of 2 cases" in text
    assert text.splitlines()[2:] == ["* Section 1: the b: 20.0 % where all is noise. It is so."]
    assert "no such file" in sentences.sizes(pd.DataFrame())
