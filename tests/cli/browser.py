#!/usr/bin/env python3
"""browser.py PAGE.html SHOTS [AXE.js]: opens the report in headless Chromium and prints what was seen, as JSON. Pictures go to SHOTS."""
import base64, json, os, subprocess, sys, time, urllib.error, urllib.request

page, shots, axe = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None
port = int(os.environ.get('DRIVER_PORT', '0')) or 9515 + os.getpid() % 2000
driver = subprocess.Popen(['chromedriver', '--port=%d' % port], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def call(method, path, body=None):
    request = urllib.request.Request('http://127.0.0.1:%d%s' % (port, path), method=method, data=None if body is None else json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)['value']
    except urllib.error.HTTPError as error:
        error.msg += ': ' + error.read().decode(errors='replace')[:200]
        raise


def session():
    for _ in range(100):
        try:
            if call('GET', '/status')['ready']:
                break
        except OSError:
            time.sleep(0.1)
    # by a pipe: with a port the driver looks up "localhost", which a bare system need not know
    options = {'args': ['--headless=new', '--remote-debugging-pipe', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars', '--window-size=1280,900',
                        '--user-data-dir=' + os.path.join(os.path.abspath(shots), 'profile')]}
    return '/session/' + call('POST', '/session', {'capabilities': {'alwaysMatch': {
        'browserName': 'chrome', 'goog:chromeOptions': options, 'goog:loggingPrefs': {'performance': 'ALL', 'browser': 'ALL'}}}})['sessionId']


def run():
    here = session()

    def js(code):
        return call('POST', here + '/execute/sync', {'script': code, 'args': []})

    def cdp(name, **params):
        return call('POST', here + '/goog/cdp/execute', {'cmd': name, 'params': params})

    def shot(name, width, height=900, whole=False, scheme='light', media='screen'):
        cdp('Emulation.setEmulatedMedia', media=media, features=[{'name': 'prefers-color-scheme', 'value': scheme}])
        cdp('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1, mobile=False)
        picture = cdp('Page.captureScreenshot', format='png', captureBeyondViewport=whole)['data']
        open(os.path.join(shots, name + '.png'), 'wb').write(base64.b64decode(picture))

    seen = {}
    start = time.time()
    call('POST', here + '/url', {'url': 'file://' + page})
    seen['load_seconds'] = time.time() - start
    seen['title'] = call('GET', here + '/title')
    seen['alert'] = True
    try:
        call('GET', here + '/alert/text')
    except urllib.error.HTTPError:
        seen['alert'] = False
    seen['images'] = js('return document.querySelectorAll("img, iframe, object, embed, link, base").length')
    seen['scripts'] = js('return document.scripts.length')
    seen['body_scripts'] = js('return document.querySelectorAll("[onerror], [onclick], [onload]").length')
    seen['rows'] = js('return document.querySelectorAll("#rows tr").length')
    seen['status'] = js('return document.getElementById("status").textContent')
    seen['first_row'] = js('return document.querySelector("#rows tr").innerText')
    seen['headings'] = js('return Array.from(document.querySelectorAll("h1, h2")).map(h => h.textContent)')
    shot('light', 1280)
    shot('dark', 1280, scheme='dark')
    shot('narrow', 390)
    seen['narrow_overflow'] = js('return document.documentElement.scrollWidth - document.documentElement.clientWidth')
    shot('print', 800, whole=True, media='print')
    pdf = base64.b64decode(cdp('Page.printToPDF')['data'])
    open(os.path.join(shots, 'print.pdf'), 'wb').write(pdf)
    seen['pdf'] = pdf[:5].decode('latin-1')
    shot('whole', 1280, whole=True)
    shot('whole-dark', 1280, whole=True, scheme='dark')
    cdp('Emulation.clearDeviceMetricsOverride')
    cdp('Emulation.setEmulatedMedia', media='', features=[])

    def timed(code, done):
        at = time.time()
        js(code)
        while not js('return ' + done) and time.time() - at < 20:
            time.sleep(0.02)
        return time.time() - at

    before = seen['status']
    seen['search_seconds'] = timed(
        'var s = document.getElementById("search"); s.value = "SHADOW"; s.dispatchEvent(new Event("input"))',
        'document.getElementById("status").textContent !== %s' % json.dumps(before))
    seen['searched'] = js('return document.getElementById("status").textContent')
    seen['found'] = js('return document.querySelector("#rows tr .path").textContent')
    js('var s = document.getElementById("search"); s.value = ""; document.getElementById("filter").dispatchEvent(new Event("submit", {cancelable: true}))')
    seen['filtered'] = js('var c = document.getElementById("by-class"); c.selectedIndex = 1; c.dispatchEvent(new Event("change"));'
                          'return [c.options[1].textContent, document.getElementById("status").textContent]')
    js('var c = document.getElementById("by-class"); c.selectedIndex = 0; c.dispatchEvent(new Event("change"))')
    at = time.time()
    seen['sorted'] = js('document.querySelector("#files th[data-key=read] button").click(); return [document.querySelector("#rows tr .path").textContent,'
                        'document.querySelector("#files th[data-key=read]").getAttribute("aria-sort")]')
    seen['sort_seconds'] = time.time() - at
    seen['page'] = js('document.getElementById("next").click(); return document.getElementById("where").textContent')
    seen['last'] = js('document.getElementById("last").click(); return [document.getElementById("where").textContent, document.getElementById("next").disabled]')
    seen['resources'] = js('return performance.getEntriesByType("resource").map(e => e.name)')
    if axe:
        # The page's own policy would refuse this program, rightly; it comes by another way.
        cdp('Runtime.evaluate', expression=open(axe).read() + ';undefined')
        result = cdp('Runtime.evaluate', expression='axe.run(document).then(r => JSON.stringify({violations: r.violations.map(v => [v.id, v.impact,'
                     ' v.nodes.length, v.nodes[0].html.slice(0, 200), v.nodes[0].failureSummary]), passes: r.passes.length}))', awaitPromise=True, returnByValue=True)
        seen['axe'] = json.loads(result['result']['value'])
        cdp('Emulation.setEmulatedMedia', media='', features=[{'name': 'prefers-color-scheme', 'value': 'dark'}])
        result = cdp('Runtime.evaluate', expression='axe.run(document).then(r => JSON.stringify(r.violations.map(v => [v.id, v.nodes.length, v.nodes[0].html.slice(0, 200)])))',
                     awaitPromise=True, returnByValue=True)
        seen['axe_dark'] = json.loads(result['result']['value'])
    events = [json.loads(e['message'])['message'] for e in call('POST', here + '/se/log', {'type': 'performance'})]
    asked = [e['params'] for e in events if e['method'] == 'Network.requestWillBeSent']
    # not the browser's own pages, which it opens beside ours
    seen['requests'] = sorted({a['request']['url'][:200] for a in asked if not a['documentURL'].startswith('chrome')})
    seen['errors'] = [e['message'] for e in call('POST', here + '/se/log', {'type': 'browser'})]
    # without JavaScript
    cdp('Emulation.setScriptExecutionDisabled', value=True)
    call('POST', here + '/url', {'url': 'file://' + page})
    shot('no-script', 1280)
    root = cdp('DOM.getDocument', depth=1)['root']['nodeId']
    seen['nojs_rows'] = len(cdp('DOM.querySelectorAll', nodeId=root, selector='#rows tr')['nodeIds'])
    seen['nojs_hidden'] = len(cdp('DOM.querySelectorAll', nodeId=root, selector='.js[hidden]')['nodeIds'])
    call('DELETE', here)
    print(json.dumps(seen))


try:
    run()
finally:
    driver.terminate()
    driver.wait()
