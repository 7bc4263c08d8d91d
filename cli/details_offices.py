"""What notaries, reviewers, courts and the province are refused, in Chinese: for `cli.details`."""

from cli.matching import Words

OFFICES: tuple[tuple[str, Words], ...] = (
    # a notary office
    (r"'(.*)' is '(.*)', for whom this office may not act", r"\1 即 \2，本机构应当回避"),
    (r"the applicant says that the matter is in dispute", "申请人称该事项存有争议"),
    (r"want an accepted application, this one is (\w+)", "该申请未予受理"),
    (r"the application was decided by statement (\S+)", r"该申请已由陈述 \1 作出决定"),
    (r"the certificate was revoked by statement (\S+)", r"该公证书已由陈述 \1 撤销"),
    (r"this certificate was issued by statement (\S+)", r"该公证书已由陈述 \1 出具"),
    (r"the number '(.*)' was given by statement (\S+)", r"编号 \1 已由陈述 \2 使用"),
    (r"nothing was compared for application (\S+)", r"申请 \1 尚未比对"),
    (r"the packet fails verification: nothing is drawn from it", "证据包核验不通过：不据以抽查"),
    (
        r"the packet of the latest comparison failed verification: no certificate rests on it",
        "最近一次比对所用证据包核验不通过：不得据以出具公证书",
    ),
    (
        r"the PDF's data sheet is not that of the latest comparison",
        "PDF 所附数据与最近一次比对不符",
    ),
    (r"the page is not what its data sheet draws", "页面与其所附数据不符"),
    (r"want a sealed PDF: not sealed, or not once", "须为签章一次的 PDF"),
    (r"cannot seal: .*", "无法签章"),
    (r"this nonce has its report already", "该随机数已有报告"),
    (
        r"no nonce of this application is in the report: it may be an old one",
        "报告中没有本申请的随机数",
    ),
    (r"want a report signed by (\S+), got one by '(.*)'", r"报告应由 \1 签名，实为 \2"),
    # a case-file review
    (r"the register has no case of that year", "台账中没有该年度的案件"),
    (
        r"the reviewer's secret is not the one to which the list commits him",
        "评查人的秘密数与名单所载摘要不符",
    ),
    (
        r"the statement is about another list: a case was added, withdrawn or changed",
        "陈述所指为另一份名单：有案件增、减或改动",
    ),
    (
        r"the acts were taken from the log before the list was fixed",
        "全部行为取自名单固定之前的日志",
    ),
    (
        r"a score sheet needs the openings: who has them is the reviewer",
        "评分表须有 openings，由评查人持有",
    ),
    (
        r"want the acts of \('([^']*)', '([^']*)'\), got those of \('([^']*)', '([^']*)'\)",
        r"应为 \1 \2 年的行为，实为 \3 \4 年的",
    ),
    # a court, and who makes packets and clips
    (
        r"'(.*)' does not verify: of such a packet nothing is counted",
        r"证据包“\1”核验不通过，不据以统计",
    ),
    (r"want the packet (\S+), got (\S+)", r"应为证据包 \1，实为 \2"),
    (r"the two files are the same: nothing was changed", "两份文件相同，没有改动"),
    (r"want texts of at most (\d+) bytes to compare: '(.*)'", r"用于比对的文本至多 \1 字节：“\2”"),
    (r"the recording could not be cut: nothing was recorded then", "无法截取：该时段没有录制内容"),
    (r"the recording could not be cut: .*", "录像无法截取"),
    (
        r"the zip is cut short, or something stands after its end",
        "zip 文件不完整，或者末尾有多余内容",
    ),
    (r"the receipt is damaged: it was not read whole", "回执二维码不完整"),
    (r"want a receipt that begins with (\S+), got '(.*)'", r"回执须以 \1 开头，现为“\2”"),
    (
        r"the file with SHA-256 (\S+) is still held: it is not destroyed",
        r"SHA-256 为 \1 的文件仍在，并未销毁",
    ),
    (
        r"want the draft of a disposal, got a statement of kind (\w+)",
        r"须为销毁记录的草稿，现为 \1 类陈述",
    ),
    (r"want a letter, got an empty file '(.*)'", r"投诉信“\1”是空文件"),
    (r"no day so late: (\S+)", r"没有这一日：\1"),
    (r"no gap (\d+) here", r"没有第 \1 项缺漏"),
    # the province's platform
    (
        r"want the events after (\d+), got those after (\d+)",
        r"应为 \1 号之后的事件，实为 \2 号之后的",
    ),
    (r"want the feed (\S+), got (\S+)", r"应为推送流 \1，实为 \2"),
    (r"want the table (\S+), got (\S+)", r"应为对照表 \1，实为 \2"),
    (r"want a page signed by (\S+), got one by '(.*)'", r"推送页应由 \1 签名，实为 \2"),
    (
        r"want a number from 0 to (\d+), the feed's last, got (\d+)",
        r"编号须为 0 至 \1（推送流末号），现为 \2",
    ),
    # logs and stations
    (r"the log '(.*)' is not in your trust folder", r"您的信任文件夹中没有日志 \1"),
    (r"(\S+) signed two histories: the proof is kept", r"\1 签出了两份历史，证明已保存"),
    (
        r"two histories were signed: nothing more is taken from this log",
        "该日志签出了两份历史，不再接收其内容",
    ),
    (
        r"the last checkpoint, of (\d+) entries, has no quorum of its cosigners",
        r"末一检查点（\1 个条目）未达法定人数",
    ),
    (r"the log shows a checkpoint that no quorum has cosigned", "日志公布的检查点未达法定人数"),
    (r"'(.*)' is handed out already, in session (\S+)", r"\1 已领出，见会话 \2"),
    (r"'(.*)' is a station's folder already", r"“\1”已是采集站的文件夹"),
    (
        r"'(.*)' is no station's folder: it has no station\.toml",
        r"“\1”不是采集站的文件夹：没有 station.toml",
    ),
)
