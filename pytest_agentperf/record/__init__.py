"""SEE: taps on the HTTP stacks, the cassette, and the recorder that they report to."""
