"""The certificates of these measurements."""

import subprocess


def make(work, name):
    """A root, what it signed (P-384), and what that signed for this name (P-256): what a public CA gives."""
    def openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=work)

    key = "-newkey", "ec", "-nodes", "-pkeyopt"
    openssl("req", "-x509", *key, "ec_paramgen_curve:P-384", "-keyout", "root.key", "-out", "root.pem", "-days", 30,
            "-subj", "/CN=Root", "-addext", "keyUsage=critical,keyCertSign")
    for label, above, curve, extension in [
        ("middle", "root", "P-384", "basicConstraints=critical,CA:true,pathlen:0"),
        ("leaf", "middle", "P-256", f"subjectAltName=DNS:{name}"),
    ]:
        (work / "extension").write_text(extension)
        openssl("req", *key, f"ec_paramgen_curve:{curve}", "-keyout", f"{label}.key", "-out", "request",
                "-subj", f"/CN={label}")
        openssl("x509", "-req", "-in", "request", "-CA", f"{above}.pem", "-CAkey", f"{above}.key", "-CAcreateserial",
                "-days", 20, "-extfile", "extension", "-out", f"{label}.pem")
    (work / "chain.pem").write_text((work / "leaf.pem").read_text() + (work / "middle.pem").read_text())
