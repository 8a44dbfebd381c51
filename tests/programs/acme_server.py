"""acme2certifier over TLS: python acme_server.py ADDRESS PORT CERTIFICATE KEY, with ACME_SRV_CONFIGFILE."""

import ssl
import sys
from wsgiref.simple_server import make_server

from acme2certifier.share import acme2certifier_wsgi

address, port, certificate, key = sys.argv[1:]


def application(environ, start_response):
    environ["wsgi.url_scheme"] = "https"  # what its links begin with
    return acme2certifier_wsgi.application(environ, start_response)


server = make_server(address, int(port), application, handler_class=acme2certifier_wsgi.get_handler_cls())
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
