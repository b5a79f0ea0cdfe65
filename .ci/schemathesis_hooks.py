"""What schemathesis cannot know: how a mail is written into a body."""

import schemathesis


@schemathesis.serializer("message/rfc822")
def mail(_, value):
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
