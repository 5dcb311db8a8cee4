# Debian's default: everything as the built-in VCL has it.
vcl 4.1;

backend origin {
    .host = "127.0.0.1";
    .port = "{{origin}}";
}
