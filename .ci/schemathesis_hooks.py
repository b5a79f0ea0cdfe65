"""What schemathesis cannot know: how a mail, a mailbox and lines of JSON are written into a body."""

import schemathesis


@schemathesis.serializer("message/rfc822", "application/mbox", "application/x-ndjson")
def mail(_, value):
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
