"""Each item is classified once."""

from server.answer import Answer

EXPECT = {}
ABOUT = ("AP301",)
ANSWERS = lambda request: Answer(text="spam")


def talk():
    known = {}
    for mail in ("Win a prize", "Hello Ann", "Win a prize", "Win a prize"):
        if mail not in known:
            asked = [{"role": "system", "content": "Spam or not?"}, {"role": "user", "content": mail}]
            known[mail] = yield {"messages": asked}
