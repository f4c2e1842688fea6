// Every column of Parquet files through parquet-java's record reader, in the forms of extremes.py: one line of JSON for each
// file, {"path": ..., "columns": {name: [value...]}} or {"path": ..., "error": ...}.
//
//   java -cp JARS ReadParquet.java FILE...
//
// Values are taken as they are stored (its "example" objects): no engine behind it interprets them.

import java.io.File;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

import org.apache.hadoop.fs.Path;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.example.GroupReadSupport;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;

public class ReadParquet {
    private final StringBuilder out = new StringBuilder();

    public static void main(String[] files) throws Exception {
        PrintStream stdout = new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), false, "UTF-8");
        for (String file : files) {
            ReadParquet one = new ReadParquet();
            try {
                one.read(file);
            } catch (Exception | Error error) {
                one.out.setLength(0);
                one.out.append("{\"path\":");
                one.text(file);
                one.out.append(",\"error\":");
                one.text(String.valueOf(error));
                one.out.append('}');
            }
            stdout.println(one.out);
        }
        stdout.flush();
    }

    private void read(String file) throws Exception {
        List<Group> rows = new ArrayList<>();
        try (ParquetReader<Group> reader = ParquetReader.builder(new GroupReadSupport(), new Path(new File(file).toURI())).build()) {
            for (Group row = reader.read(); row != null; row = reader.read())
                rows.add(row);
        }
        out.append("{\"path\":");
        text(file);
        out.append(",\"columns\":{");
        GroupType schema = rows.get(0).getType();
        for (int column = 0; column < schema.getFieldCount(); column++) {
            out.append(column > 0 ? "," : "");
            text(schema.getFieldName(column));
            out.append(":[");
            for (int row = 0; row < rows.size(); row++) {
                out.append(row > 0 ? "," : "");
                field(rows.get(row), column);
            }
            out.append(']');
        }
        out.append("}}");
    }

    private void field(Group group, int field) {
        Type type = group.getType().getType(field);
        if (group.getFieldRepetitionCount(field) == 0)
            out.append("null");
        else if (type.isPrimitive())
            primitive(group, field, type.asPrimitiveType());
        else if (type.getLogicalTypeAnnotation() instanceof LogicalTypeAnnotation.ListLogicalTypeAnnotation)
            list(group.getGroup(field, 0));
        else if (type.getLogicalTypeAnnotation() instanceof LogicalTypeAnnotation.MapLogicalTypeAnnotation)
            map(group.getGroup(field, 0));
        else
            struct(group.getGroup(field, 0));
    }

    private void list(Group list) {
        out.append('[');
        for (int i = 0; i < list.getFieldRepetitionCount(0); i++) {
            out.append(i > 0 ? "," : "");
            field(list.getGroup(0, i), 0);
        }
        out.append(']');
    }

    private void map(Group map) {
        out.append('[');
        for (int i = 0; i < map.getFieldRepetitionCount(0); i++) {
            out.append(i > 0 ? ",[" : "[");
            field(map.getGroup(0, i), 0);
            out.append(',');
            field(map.getGroup(0, i), 1);
            out.append(']');
        }
        out.append(']');
    }

    private void struct(Group struct) {
        out.append('{');
        for (int field = 0; field < struct.getType().getFieldCount(); field++) {
            out.append(field > 0 ? "," : "");
            text(struct.getType().getFieldName(field));
            out.append(':');
            field(struct, field);
        }
        out.append('}');
    }

    private void primitive(Group group, int field, PrimitiveType type) {
        LogicalTypeAnnotation logical = type.getLogicalTypeAnnotation();
        PrimitiveTypeName name = type.getPrimitiveTypeName();
        switch (name) {
            case BOOLEAN -> out.append(group.getBoolean(field, 0));
            case FLOAT -> {
                float value = group.getFloat(field, 0);
                text(Float.isNaN(value) ? "nan" : String.format("%08x", Float.floatToRawIntBits(value)));
            }
            case DOUBLE -> {
                double value = group.getDouble(field, 0);
                text(Double.isNaN(value) ? "nan" : String.format("%016x", Double.doubleToRawLongBits(value)));
            }
            case INT32 -> integer(group.getInteger(field, 0), 32, logical);
            case INT64 -> integer(group.getLong(field, 0), 64, logical);
            default -> bytes(group.getBinary(field, 0).getBytes(), logical);
        }
    }

    private void integer(long value, int bits, LogicalTypeAnnotation logical) {
        boolean unsigned = logical instanceof LogicalTypeAnnotation.IntLogicalTypeAnnotation kind && !kind.isSigned();
        if (logical instanceof LogicalTypeAnnotation.DecimalLogicalTypeAnnotation decimal)
            text(new BigDecimal(BigInteger.valueOf(value), decimal.getScale()).toPlainString());
        else if (unsigned && bits == 32)
            text(Integer.toUnsignedString((int) value));
        else
            text(unsigned ? Long.toUnsignedString(value) : Long.toString(value));
    }

    private void bytes(byte[] value, LogicalTypeAnnotation logical) {
        if (logical instanceof LogicalTypeAnnotation.DecimalLogicalTypeAnnotation decimal) {
            text(new BigDecimal(new BigInteger(value), decimal.getScale()).toPlainString());
        } else if (logical instanceof LogicalTypeAnnotation.UUIDLogicalTypeAnnotation) {
            String hex = HexFormat.of().formatHex(value);
            text(hex.replaceFirst("(.{8})(.{4})(.{4})(.{4})(.{12})", "$1-$2-$3-$4-$5"));
        } else if (logical instanceof LogicalTypeAnnotation.IntervalLogicalTypeAnnotation) {
            ByteBuffer parts = ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN);
            out.append('[').append(Integer.toUnsignedLong(parts.getInt(0))).append(',');
            out.append(Integer.toUnsignedLong(parts.getInt(4))).append(',');
            out.append(Integer.toUnsignedLong(parts.getInt(8))).append(']');
        } else if (logical == null) {
            text(HexFormat.of().formatHex(value));
        } else {
            text(new String(value, StandardCharsets.UTF_8));
        }
    }

    private void text(String value) {
        out.append('"');
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c == '"' || c == '\\')
                out.append('\\').append(c);
            else if (c < 0x20)
                out.append(String.format("\\u%04x", (int) c));
            else
                out.append(c);
        }
        out.append('"');
    }
}
